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

/**
 * @param kafka host:port of a broker that runs; undefined: one is started, and is warmed
 * @param warmSeconds a new broker's first requests cost many times what later ones do, until its code is compiled
 */
export async function openStand(kafka: string | undefined, variants: readonly Variant[], warmSeconds = WARM_SECONDS): Promise<Stand> {
  await using stack = new AsyncDisposableStack();
  const broker = kafka === undefined ? await startKafkaBroker({ runsLong: true }) : undefined;
  if (broker !== undefined) stack.defer(() => broker.stop());
  const address = kafka ?? broker!.address;
  const log = stack.use(createKafkaLog({ brokers: [address], clientId: 'tandem-bench', logger: silentLogger }));
  if (kafka === undefined) await warmUp(log, warmSeconds);
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

const WARM_SECONDS = 12;
const WARM_TOPIC = 'bench-warm-up';
const WARM_WRITERS = 4;
const WARM_SPEC = { producer: 'bench', consumer: 'bench', schema: 'none', key: 'a number', partitions: 8, cleanup: 'delete', retentionMs: 600_000, maxRecordBytes: 1_048_576, timestamps: 'append' } as const;

/** Many small requests of the kinds that a flow sends. */
async function warmUp(log: EventLog, seconds: number): Promise<void> {
  await log.admin.ensureTopics([{ ...WARM_SPEC, name: WARM_TOPIC }]);
  const producers = await Promise.all(Array.from({ length: WARM_WRITERS }, () => log.producer()));
  const consumer = log.consumer({ groupId: WARM_TOPIC, topics: [WARM_TOPIC], onRecord: (delivery) => delivery.ack() });
  const tail = await log.tail({ topic: WARM_TOPIC, onRecord: () => undefined });
  await consumer.start();
  const until = performance.now() + seconds * 1_000;
  const value = 'x'.repeat(600);
  await Promise.all(producers.map(async (producer) => {
    for (let key = 0; performance.now() < until; key += 1) await producer.send([{ topic: WARM_TOPIC, key: String(key), value }]);
  }));
  await Promise.all([consumer.close(), tail.close(), ...producers.map((producer) => producer.close())]);
  await log.admin.deleteTopics([WARM_TOPIC]);
}
