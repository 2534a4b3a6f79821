import { AssignedPartition } from './assigned-partition.ts';
import type { ResolvedConsumerOptions } from './consumer-options.ts';
import { Dispatcher } from './dispatcher.ts';
import type { RecordQueue } from './record-queue.ts';
import { keyOf } from './topic-partition.ts';
import type { TopicPartition } from './types.ts';

export interface CommitPoint extends TopicPartition {
  offset: number;
}

export interface ConsumerStateOptions<Queue extends RecordQueue> {
  consumer: ResolvedConsumerOptions;
  createQueue: (partition: TopicPartition) => Queue;
  onAdded?(partition: AssignedPartition<Queue>): void;
  onRemoved?(partition: AssignedPartition<Queue>): void;
  onTaken?(partition: AssignedPartition<Queue>): void;
  /** There may be something to commit. */
  onAcked(): void;
  onError(error: unknown): void;
  defer?: (callback: () => void) => void;
}

/** What a consumer of either implementation knows: its partitions, their deliveries and what is to be committed. */
export class ConsumerState<Queue extends RecordQueue> {
  readonly dispatcher: Dispatcher;
  readonly #options: ConsumerStateOptions<Queue>;
  readonly #partitions = new Map<string, AssignedPartition<Queue>>();

  constructor(options: ConsumerStateOptions<Queue>) {
    this.#options = options;
    const { topics, maxInFlight } = options.consumer;
    this.dispatcher = new Dispatcher({
      topics,
      maxInFlight,
      onRecord: (delivery) => options.consumer.onRecord(delivery),
      onError: (error) => options.onError(error),
      onTaken: (partition) => options.onTaken?.(partition as AssignedPartition<Queue>),
      onAcked: () => options.onAcked(),
      ...(options.defer && { defer: options.defer }),
    });
  }

  get partitions(): Iterable<AssignedPartition<Queue>> {
    return this.#partitions.values();
  }

  get assignment(): TopicPartition[] {
    return [...this.#partitions.values()].map(({ topic, partition }) => ({ topic, partition }));
  }

  get(topic: string, partition: number): AssignedPartition<Queue> | undefined {
    return this.#partitions.get(keyOf({ topic, partition }));
  }

  /** Whether a partition of that number is ours. */
  has(number: number): boolean {
    for (const { partition } of this.#partitions.values()) if (partition === number) return true;
    return false;
  }

  /** Takes a new assignment: what stays ours keeps its records in flight, the rest is revoked or starts afresh. */
  assign(next: readonly TopicPartition[]): void {
    const wanted = new Set(next.map(keyOf));
    this.revoke([...this.#partitions.values()].filter((partition) => !wanted.has(keyOf(partition))));
    const added = next.filter((partition) => !this.#partitions.has(keyOf(partition)));
    for (const partition of added) this.#add(partition);
    if (added.length > 0) this.#options.consumer.onAssigned?.(added);
    for (const partition of this.#partitions.values()) this.dispatcher.wake(partition);
  }

  revokeAll(): void {
    this.revoke([...this.#partitions.values()]);
  }

  revoke(partitions: readonly AssignedPartition<Queue>[]): void {
    if (partitions.length === 0) return;
    for (const partition of partitions) {
      this.#partitions.delete(keyOf(partition));
      this.dispatcher.remove(partition);
      this.#options.onRemoved?.(partition);
    }
    this.#options.consumer.onRevoked?.(partitions.map(({ topic, partition }) => ({ topic, partition })));
  }

  /** Watermarks that moved since they were last committed. */
  uncommitted(): CommitPoint[] {
    return [...this.#partitions.values()].flatMap((assigned) => {
      const offset = assigned.uncommitted;
      return offset === undefined ? [] : [{ topic: assigned.topic, partition: assigned.partition, offset }];
    });
  }

  committed(points: readonly CommitPoint[]): void {
    for (const { topic, partition, offset } of points) this.get(topic, partition)?.committed(offset);
  }

  lag(only?: string): number {
    let sum = 0;
    for (const { topic, queue } of this.#partitions.values()) if (only === undefined || topic === only) sum += queue.lag;
    return sum;
  }

  #add(partition: TopicPartition): void {
    const assigned = new AssignedPartition(partition, this.#options.createQueue(partition));
    this.#partitions.set(keyOf(partition), assigned);
    this.#options.onAdded?.(assigned);
  }
}
