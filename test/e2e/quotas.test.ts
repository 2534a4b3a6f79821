import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HEADER, topicName, type Response } from '@tandem/schemas';
import { startTandem, type Client } from '../support/system.ts';
import { until } from '../support/until.ts';

const digits = JSON.parse(readFileSync(join(import.meta.dirname, '../../models/digits-test.json'), 'utf8')) as { pixels: number[][] };
const hints = { deadlineMs: 60_000 };
const recommend = (number: number) => ({ workload: 'recommend', userId: `user-${number}`, input: { history: ['1', '260', '1196'] }, hints: { ...hints, task: 'coarse' } });
const classify = (number: number) => ({ workload: 'classify', input: { values: digits.pixels[number % digits.pixels.length] }, hints: { ...hints, task: 'coarse' } });

const QUOTA = 20;
/** What a burst of so small a quota may be at the most. */
const BURST = 5;
const LOUD = 20 * QUOTA;
const QUIET = 60;

/** All at once: `LOUD` of one and `QUIET` of the other, mixed. @returns answers by sender, and how long it took until all were there */
async function together({ ports: { log }, prefix, responses }: Client, loud: Sending, quiet: Sending): Promise<{ loud: Response[]; quiet: Response[]; seconds: number }> {
  const producer = await log.producer();
  const topic = topicName(prefix, 'requests');
  const ids = { loud: [] as string[], quiet: [] as string[] };
  const began = performance.now();
  for (let number = 0; number < LOUD; number += 1) {
    const isQuietDue = number % Math.floor(LOUD / QUIET) === 0 && ids.quiet.length < QUIET;
    const senders: ('loud' | 'quiet')[] = isQuietDue ? ['loud', 'quiet'] : ['loud'];
    await producer.send(senders.map((sender) => {
      const { request, tenant } = sender === 'loud' ? loud : quiet;
      const requestId = `${tenant}-${request(0).workload}-${number}`;
      ids[sender].push(requestId);
      return { topic, key: requestId, value: JSON.stringify({ requestId, ...request(number) }), headers: { [HEADER.tenant]: tenant } };
    }));
  }
  const all = [...ids.loud, ...ids.quiet];
  await until(() => all.every((id) => responses.has(id)), { what: () => `answers to ${all.filter((id) => !responses.has(id)).length} requests`, timeoutMs: 60_000 });
  // As long as they were let in: the stages may be behind the sender.
  const seconds = (performance.now() - began) / 1_000;
  await producer.close();
  const of = (some: readonly string[]) => some.map((id) => responses.get(id)![0]!);
  return { loud: of(ids.loud), quiet: of(ids.quiet), seconds };
}

interface Sending {
  tenant: string;
  request: (number: number) => { workload: string };
}

/** Whoever keeps to its quota is answered in full; the other gets what its quota lets in, and the rest is refused for that reason alone. */
function expectIsolated({ loud, quiet, seconds }: Awaited<ReturnType<typeof together>>): void {
  expect(quiet).toHaveLength(QUIET);
  for (const response of quiet) expect(response).toMatchObject({ status: 'complete' });
  const letIn = loud.filter(({ status }) => status === 'complete');
  expect(letIn.length).toBeGreaterThanOrEqual(1);
  expect(letIn.length).toBeLessThanOrEqual(BURST + Math.ceil(QUOTA * (seconds + 1)));
  for (const response of loud) if (!letIn.includes(response)) expect(response).toMatchObject({ status: 'rejected', reason: 'overload', error: { code: 'quota_exceeded' } });
}

test('a tenant far above its quota is refused by its code, the other one of the same workload never', async () => {
  await using tandem = await startTandem({ tenantQuotas: `loud:${QUOTA},*:100000` });
  const { client } = tandem;
  expectIsolated(await together(client, { tenant: 'loud', request: recommend }, { tenant: 'quiet', request: recommend }));
});

test('a workload far above its quota is refused by its code, the other one of the same tenant never', async () => {
  await using tandem = await startTandem({ workloadQuotas: `recommend:${QUOTA}` });
  const { client } = tandem;
  expectIsolated(await together(client, { tenant: 'both', request: recommend }, { tenant: 'both', request: classify }));
});
