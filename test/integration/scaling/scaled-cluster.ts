import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { topicName } from '@tandem/schemas';
import { loadSettings } from '@tandem/shared/config';
import { readHeartbeat } from '@tandem/shared/core';
import { openPorts } from '../../../services/cli/compose/ports.ts';
import { ensureTopology } from '../../../services/cli/compose/topology.ts';
import { startCommand } from '../../support/cluster.ts';
import { Client, type Draft } from '../../support/system.ts';

export const PATIENCE_MS = 120_000;
const HISTORY = Array.from({ length: 60 }, (_, index) => String(1 + index * 7));

/** About a millisecond of the large model each. */
export const requests = (count: number): (Draft & { requestId: string })[] => Array.from({ length: count }, (_, index) => ({
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

/** `tandem cluster --autoscale` with one model, which is quick to be scaled. */
export async function startCluster(autoscale: string, ...more: string[]) {
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

export const doubled = (client: Client) => [...client.responses.values()].filter((all) => all.length > 1).length;
export const incomplete = (client: Client) => [...client.responses.values()].filter(([first]) => first?.status !== 'complete').length;
