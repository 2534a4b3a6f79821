import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSettings } from '@tandem/shared/config';
import { openPorts, type Ports } from '../../services/cli/compose/ports.ts';
import { ensureTopology } from '../../services/cli/compose/topology.ts';
import { Fleet } from '../../test/faults/fleet.ts';
import { Guardian } from '../../test/faults/guardian.ts';
import { PREFIX, stageFlags, WORKLOADS } from '../../test/faults/stage-flags.ts';
import { startKafkaBroker } from '../../test/support/kafka-broker.ts';
import { startRedisServer } from '../../test/support/redis-server.ts';

/** Kafka, Redis and the stages, each a process; the stages are started by whoever asks for the stand. */
export interface Stand extends AsyncDisposable {
  ports: Ports;
  fleet: Fleet;
}

export interface StandOptions {
  /** Of each stage. */
  instances: number;
  /** More flags for every stage. */
  stageFlags: readonly string[];
}

export async function openStand({ instances, stageFlags: more }: StandOptions): Promise<Stand> {
  await using stack = new AsyncDisposableStack();
  const guardian = stack.use(new Guardian());
  const broker = await startKafkaBroker({ runsLong: true, properties: { 'log.retention.bytes': -1 } });
  stack.defer(() => broker.stop());
  guardian.watch(broker.process);
  const redis = await startRedisServer();
  stack.defer(() => redis.stop());
  guardian.watch(redis.process);
  const settings = loadSettings({ flags: { kafka: broker.address, prefix: PREFIX, logLevel: 'error', workloads: WORKLOADS } });
  const ports = stack.use(await openPorts(settings, 'soak'));
  await ensureTopology(settings, ports);
  const logFolder = mkdtempSync(join(tmpdir(), 'tandem-soak-logs-'));
  process.stderr.write(`logs of all processes: ${logFolder}\n`);
  const flags = stageFlags([broker.address], redis.url, more);
  const fleet = stack.use(new Fleet({ instances, chain: [], logFolder, flags: () => flags, onStarted: (server) => guardian.watch(server) }));
  const owned = stack.move();
  return { ports, fleet, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
