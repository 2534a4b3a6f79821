import { randomUUID } from 'node:crypto';
import { expect, inject, test } from 'vitest';
import { topicName } from '@tandem/schemas';
import { loadSettings } from '@tandem/shared/config';
import { readHeartbeat } from '@tandem/shared/core';
import { openPorts } from '../../../services/cli/compose/ports.ts';
import { ensureTopology } from '../../../services/cli/compose/topology.ts';
import { startCommand } from '../../support/cluster.ts';
import { Client, type Draft } from '../../support/system.ts';
import { until } from '../../support/until.ts';

const PATIENCE_MS = 120_000;
const HISTORY = Array.from({ length: 60 }, (_, index) => String(1 + index * 7));

/** About a millisecond of the large model each. */
const requests = (count: number): (Draft & { requestId: string })[] => Array.from({ length: count }, (_, index) => ({
  requestId: randomUUID(), workload: 'recommend', userId: `user-${index % 300}`, input: { history: HISTORY }, hints: { task: 'fine', deadlineMs: 900_000 },
}));

/** The workers that are alive, as their heartbeats tell; a standby is none. */
async function workersOf(client: Client): Promise<Set<string>> {
  const alive = new Set<string>();
  await client.ports.log.tail({
    topic: topicName(client.prefix, 'telemetry'),
    onRecord: ({ key, value }) => {
      const beat = value === null ? undefined : readHeartbeat(value);
      if (value === null) alive.delete(key ?? '');
      else if (beat !== undefined && beat.asleep !== true && beat.variants.length > 0) alive.add(beat.instance);
    },
  });
  return alive;
}

async function startCluster(autoscale: string, ...more: string[]) {
  const prefix = `test-${randomUUID().slice(0, 8)}.`;
  const kafka = inject('kafka');
  const ports = await openPorts(loadSettings({ flags: { kafka, prefix, logLevel: 'error' } }), 'test');
  await ensureTopology(loadSettings({ flags: { kafka, prefix } }), ports);
  const client = await Client.connect(ports, prefix);
  const workers = await workersOf(client);
  const command = startCommand([
    'cluster', '--kafka', kafka, '--prefix', prefix, '--http-port', '0', '--chain', 'edge', '--autoscale', autoscale, '--threads', '1', '--quick-profile', 'off',
    '--variants', 'recommend-large.fp32,recommend-small.fp32', '--prefix-cache-mb', '0', '--scale-up-after-ms', '0', '--scale-down-after-ms', '3000', ...more,
  ]);
  return { client, workers, command, async [Symbol.asyncDispose]() {
    await command.stop();
    await ports[Symbol.asyncDispose]();
  } };
}

const doubled = (client: Client) => [...client.responses.values()].filter((all) => all.length > 1).length;
const incomplete = (client: Client) => [...client.responses.values()].filter(([first]) => first?.status !== 'complete').length;

test('a worker process comes with the load and goes after it, and every request is answered once', async () => {
  await using cluster = await startCluster('1..2');
  const { client, workers, command } = cluster;
  const atOnce = (count: number) => until(() => workers.size === count, { timeoutMs: PATIENCE_MS, what: () => `${count} workers, not ${workers.size}:\n${command.log()}` });
  await client.ask(requests(1), PATIENCE_MS);
  expect(workers.size).toBe(1);
  // More than one worker works off in time.
  const heavy = client.ask(requests(5_000), PATIENCE_MS);
  await atOnce(2);
  await heavy;
  // Some load while the second one goes, too little for two.
  let going = true;
  const gone = atOnce(1).finally(() => (going = false));
  while (going) await client.ask(requests(5), PATIENCE_MS);
  await gone;
  expect(doubled(client)).toBe(0);
  expect(incomplete(client)).toBe(0);
  expect(client.deadLetters).toEqual([]);
  expect(await command.stop(), command.log()).toBe(0);
}, 2 * PATIENCE_MS);

test('where there may be none, the last worker sleeps when nothing is asked, and the next request wakes one up', async () => {
  await using cluster = await startCluster('0..1', '--scale-idle-after-ms', '2000');
  const { client, workers, command } = cluster;
  const [first] = await client.ask(requests(1), PATIENCE_MS);
  expect(first?.status).toBe('complete');
  await until(() => workers.size === 0 && command.log().includes('has handed over and ended'), { timeoutMs: PATIENCE_MS, what: () => `sleep:\n${command.log()}` });
  const [second] = await client.ask(requests(1), PATIENCE_MS);
  expect(second?.status).toBe('complete');
  expect(command.log()).toMatch(/"tookMs":\d+.*"msg":"a worker serves"/);
  expect(doubled(client)).toBe(0);
}, 2 * PATIENCE_MS);
