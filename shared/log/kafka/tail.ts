import { randomUUID } from 'node:crypto';
import { PartitionAssigners, type EachBatchPayload, type Kafka } from 'kafkajs';
import type { Tail, TailOptions, TopicPartition } from '../types.ts';
import type { KafkaAdmin } from './admin.ts';
import { GroupReader } from './group-reader.ts';
import type { ResolvedKafkaLogOptions } from './options.ts';
import { toLogRecord } from './records.ts';

const MAX_BYTES_PER_PARTITION = 1_048_576;
/** So many fetches in a row without a record, from every broker, and there is nothing left to come. */
const EMPTY_FETCHES = 3;

/**
 * Follows a topic. kafkajs cannot read without a group, so each tail has one of its own, which commits nothing and is
 * deleted at the end.
 */
export class KafkaTail implements Tail {
  readonly groupId: string;
  readonly caughtUp: Promise<void>;
  readonly #options: TailOptions;
  readonly #reader: GroupReader;
  /** The next offset of each partition. */
  readonly #positions = new Map<number, number>();
  readonly #targets: ReadonlyMap<number, number>;
  readonly #emptyFetches = new Map<number, number>();
  #resolve: () => void = () => undefined;

  /** @param targets for each partition the offset to be reached, where there is anything to read */
  constructor(kafka: Kafka, config: ResolvedKafkaLogOptions, options: TailOptions, targets: ReadonlyMap<number, number>) {
    this.groupId = `${config.prefix}tail.${randomUUID()}`;
    this.#options = options;
    this.#targets = targets;
    this.caughtUp = new Promise((resolve) => (this.#resolve = resolve));
    const readerOptions = {
      groupId: this.groupId,
      topics: [options.topic],
      fromBeginning: true,
      maxBytesPerPartition: MAX_BYTES_PER_PARTITION,
      assigner: PartitionAssigners.roundRobin,
    };
    this.#reader = new GroupReader(kafka, config, readerOptions, {
      onJoined: (partitions) => this.#joined(partitions),
      onBatch: (payload) => this.#receive(payload),
      onFetchedTo: ({ partition }, { offset }) => this.#fetchedTo(partition, offset + 1),
      onFetch: (node) => this.#fetched(node),
      onLost: (error) => {
        this.#emptyFetches.clear();
        options.onFault?.(error);
      },
    });
  }

  start(): void {
    this.#reader.start();
    this.#check();
  }

  async close(): Promise<void> {
    await this.#reader.close();
    this.#resolve();
  }

  #joined(partitions: readonly TopicPartition[]): void {
    this.#emptyFetches.clear();
    for (const partition of partitions) {
      const position = this.#positions.get(partition.partition);
      if (position !== undefined) this.#reader.seek(partition, position);
    }
  }

  async #receive(payload: EachBatchPayload): Promise<void> {
    if (payload.isStale()) return;
    const { batch } = payload;
    const { topic, partition } = batch;
    const from = Number((batch as unknown as { fetchedOffset: string }).fetchedOffset);
    // kafkajs starts a partition again that ends before what is asked for: the topic was deleted and made anew.
    if (from < (this.#positions.get(partition) ?? 0)) this.#positions.set(partition, from);
    for (const message of batch.messages) {
      if (Number(message.offset) < (this.#positions.get(partition) ?? 0)) continue;
      this.#positions.set(partition, Number(message.offset) + 1);
      this.#deliver({ topic, partition }, message);
    }
    payload.resolveOffset(batch.messages.at(-1)?.offset ?? batch.lastOffset());
  }

  #deliver(partition: TopicPartition, message: EachBatchPayload['batch']['messages'][number]): void {
    try {
      this.#options.onRecord(toLogRecord(partition, message));
    } catch (error) {
      this.#options.onFault?.(error);
    }
  }

  #fetchedTo(partition: number, position: number): void {
    this.#emptyFetches.clear();
    this.#positions.set(partition, Math.max(position, this.#positions.get(partition) ?? 0));
    this.#check();
  }

  #fetched(node: number): void {
    this.#emptyFetches.set(node, (this.#emptyFetches.get(node) ?? 0) + 1);
    // Records at the end of a partition that compaction has taken are never fetched, nor are those of a transaction
    // that hangs.
    if ([...this.#emptyFetches.values()].every((count) => count > EMPTY_FETCHES)) this.#resolve();
  }

  #check(): void {
    const reached = [...this.#targets].every(([partition, target]) => (this.#positions.get(partition) ?? 0) >= target);
    if (reached) this.#resolve();
  }
}

/** Where a tail that starts now has caught up. */
export async function tailTargets(admin: KafkaAdmin, topic: string): Promise<Map<number, number>> {
  const offsets = await admin.offsets(topic);
  return new Map(offsets.filter(({ earliest, latest }) => latest > earliest).map(({ partition, latest }) => [partition, latest]));
}
