import { randomUUID } from 'node:crypto';
import { fixedTopics, variantTopics, DEFAULT_PARTITIONS, type Variant } from '@tandem/schemas';
import { createKafkaLog, type EventLog } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { startKafkaBroker } from '../../test/support/kafka-broker.ts';
import { temporaryFolder } from '../../test/support/processes.ts';
import type { Place } from './contender.ts';

/** A broker, and a client of it. */
export interface Stand extends AsyncDisposable {
  kafka: string;
  /** Undefined: the broker is not ours, so its CPU time is not known. */
  brokerPid: number | undefined;
  log: EventLog;
  /** Topics of their own for a contender. */
  newPlace(): Promise<Place>;
  /** Their topics go. */
  clear(place: Place): Promise<void>;
}

/** @param kafka host:port of a broker that runs; undefined: one is started */
export async function openStand(kafka: string | undefined, variants: readonly Variant[]): Promise<Stand> {
  await using stack = new AsyncDisposableStack();
  const broker = kafka === undefined ? await startKafkaBroker() : undefined;
  if (broker !== undefined) stack.defer(() => broker.stop());
  const address = kafka ?? broker!.address;
  const log = stack.use(createKafkaLog({ brokers: [address], clientId: 'tandem-bench', logger: silentLogger }));
  const folder = temporaryFolder('tandem-bench-');
  const owned = stack.move();
  return {
    kafka: address,
    brokerPid: broker?.process.pid,
    log,
    async newPlace() {
      const prefix = `bench-${randomUUID().slice(0, 8)}.`;
      const topology = { prefix, partitions: DEFAULT_PARTITIONS };
      await log.admin.ensureTopics([...fixedTopics(topology), ...variantTopics(topology, [...variants])]);
      return { kafka: address, prefix, folder };
    },
    async clear({ prefix }) {
      const topics = await log.admin.listTopics();
      await log.admin.deleteTopics(topics.filter((topic) => topic.startsWith(prefix)));
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
