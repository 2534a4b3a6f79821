import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Response } from '@tandem/schemas';
import { expect, onTestFinished, test } from 'vitest';
import { startTandem } from '../support/system.ts';
import { until } from '../support/until.ts';

/** The shipped workload, its results kept and computed ahead. */
function workloads(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-workloads-'));
  const recommend = JSON.parse(readFileSync(join(import.meta.dirname, '../../workloads/recommend.json'), 'utf8')) as object;
  writeFileSync(join(folder, 'recommend.json'), JSON.stringify({ ...recommend, freshness: '1 hour', precompute: {} }));
  return folder;
}

const cached = ({ steps }: Response) => steps.map((step) => step.cached === true);

test.each([[{}], [{ chain: 'all' }]])('what a user asks after he did something new is computed already; nobody is answered for it (%o)', { timeout: 60_000 }, async (flags) => {
  // Other tests share the machine: its CPU is in use.
  const running = await startTandem({ workloads: workloads(), precomputeMaxCpuUse: '1', ...flags });
  onTestFinished(async () => running[Symbol.asyncDispose]());
  const { client } = running;
  const { metrics } = client.ports;
  const computed = async () => (await metrics.aheadResults.get()).values.filter(({ labels }) => labels['result'] === 'computed').reduce((sum, { value }) => sum + value, 0);
  const act = (itemId: string) => client.write('interactions', [JSON.stringify({ userId: 'ann', itemId, time: Date.now() })]);
  const ask = (interactions: number) => client.ask([{ workload: 'recommend', userId: 'ann', input: { limit: 5, asOfInteractions: interactions }, hints: { task: 'full', activity: 0.5, deadlineMs: 30_000 } }]);
  await act('1');
  const [first] = await ask(1);
  expect(cached(first!)).toEqual([false, false]);
  // Its worker is new here, so that what it has is asked for too; this is for what comes of the new interaction.
  const before = await computed();
  await act('260');
  await until(async () => (await computed()) >= before + 2, { what: 'both steps to be computed ahead' });
  const [next] = await ask(2);
  expect(next).toMatchObject({ status: 'complete', final: true });
  expect(cached(next!)).toEqual([true, true]);
  expect(client.answered).toBe(2);
  expect(client.deadLetters).toEqual([]);
});
