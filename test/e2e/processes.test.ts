import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, onTestFinished, test } from 'vitest';
import type { Response } from '@tandem/schemas';
import { loadSettings } from '@tandem/shared/config';
import { openPorts } from '../../services/cli/compose/ports.ts';
import { ensureTopology } from '../../services/cli/compose/topology.ts';
import { seededRandom } from '@tandem/shared/random';
import { startCommand } from '../support/cluster.ts';
import { kafkaJars } from '../support/kafka-jars.ts';
import { Client, startTandem, type Draft } from '../support/system.ts';

function drafts(count: number): Draft[] {
  const random = seededRandom(7, 'histories');
  const tasks = ['coarse', 'fine', 'full'] as const;
  return Array.from({ length: count }, (_, index) => ({
    requestId: `same-${index}`, workload: 'recommend', userId: `user-${index % 50}`,
    input: { history: Array.from({ length: 1 + Math.floor(random() * 150) }, () => String(1 + Math.floor(random() * 3_000))) },
    hints: { task: tasks[index % 3]!, deadlineMs: 600_000 },
  }));
}

interface Item { itemId: string; score: number }
interface Answer { requestId: string; status: string; items: Item[] }

const answers = (responses: readonly Response[]): Answer[] =>
  responses.map(({ requestId, status, result }) => ({ requestId, status, items: (result as { items: Item[] }).items }));

/** Requests meet other batch mates, and sums over batches of another size end in other last bits. */
const TOLERANCE = 1e-3;

/** The same items with the same scores; only items that score alike may have changed places, or come in at the end. */
function expectSame(actual: readonly Answer[], expected: readonly Answer[]): void {
  const shape = (all: readonly Answer[]) => all.map(({ items, ...rest }) => ({ ...rest, count: items.length }));
  expect(shape(actual)).toEqual(shape(expected));
  for (const [index, { requestId, items }] of actual.entries()) {
    const wanted = expected[index]!.items;
    const last = wanted.at(-1)?.score ?? 0;
    items.forEach(({ score, itemId }, place) => {
      const where = `${requestId}, place ${place}`;
      expect(Math.abs(score - wanted[place]!.score), where).toBeLessThanOrEqual(TOLERANCE);
      const same = wanted.find((item) => item.itemId === itemId)?.score ?? last;
      expect(Math.abs(score - same), where).toBeLessThanOrEqual(TOLERANCE);
    });
  }
}

/** Of a flow whose processes are told the connection. */
async function topicsAndClient(): Promise<{ client: Client; connection: string[] }> {
  const prefix = `test-${randomUUID().slice(0, 8)}.`;
  const [kafka, redis] = [inject('kafka'), inject('redis')];
  const settings = loadSettings({ flags: { kafka, redis, prefix, logLevel: 'error' } });
  const ports = await openPorts(settings, 'test');
  onTestFinished(() => ports[Symbol.asyncDispose]());
  await ensureTopology(settings, ports);
  return { client: await Client.connect(ports, prefix), connection: ['--kafka', kafka, '--redis', redis, '--prefix', prefix] };
}

test('separate processes over real Kafka give the same answers as one process, and drain on SIGTERM', async () => {
  const fixed = { policy: 'fixed', precision: 'fp32' };
  const requests = drafts(240);
  const together = await startTandem(fixed);
  const expected = answers(await together.client.ask(requests));
  await together[Symbol.asyncDispose]();

  const { client, connection } = await topicsAndClient();
  const flags = [...connection, '--policy', 'fixed', '--precision', 'fp32', '--http-port', '0', '--threads', '1'];
  await using cluster = startCommand(['cluster', ...flags, '--workers', '2', '--fusions', '2', '--log-level', 'warn']);
  // Seven processes start meanwhile.
  expectSame(answers(await client.ask(requests, 70_000)), expected);
  expect([...client.responses.values()].filter((all) => all.length > 1)).toEqual([]);
  expect(await cluster.stop(), cluster.log()).toBe(0);
});

test('a process of a cluster that is killed has its partitions back when it is started again, whatever its session', async () => {
  const { client, connection } = await topicsAndClient();
  const flags = [...connection, '--http-port', '0', '--threads', '1', '--session-timeout-ms', '300000'];
  await using cluster = startCommand(['cluster', ...flags, '--chain', 'all', '--log-level', 'info']);
  const started = () => [...cluster.log().matchAll(/"pid":(\d+),"msg":"started"/g)].map(([, pid]) => Number(pid));
  await client.ask(drafts(20), 70_000);
  process.kill(started()[0]!, 'SIGKILL');
  await client.ask(drafts(20).map((draft) => ({ ...draft, requestId: `again-${draft.requestId}` })), 70_000);
  // What a process writes comes here when it comes.
  await expect.poll(started).toHaveLength(2);
  await expect.poll(cluster.log).toContain('the predecessor of this process is no longer a member of its group');
  expect(await cluster.stop(), cluster.log()).toBe(0);
});

test('a plain Java producer and consumer get a request answered', async () => {
  await using tandem = await startTandem({ kafka: inject('kafka') });
  const requestId = randomUUID();
  const request = JSON.stringify({ requestId, workload: 'recommend', userId: 'java', input: { history: ['1', '2', '3'], limit: 3 } });
  const source = join(import.meta.dirname, 'PlainClient.java');
  const classpath = join(await kafkaJars(), '*');
  const { stdout } = await promisify(execFile)('java', ['-cp', classpath, source, inject('kafka'), tandem.settings.prefix, requestId, request]);
  expect(JSON.parse(stdout)).toMatchObject({ requestId, userId: 'java', final: true });
});
