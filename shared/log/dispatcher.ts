import type { AssignedPartition } from './assigned-partition.ts';
import { Lane } from './lane.ts';
import type { Delivery, LogRecord } from './types.ts';

/** Deliveries before the event loop gets its turn. */
const SLICE = 24;

export interface DispatcherOptions {
  topics: readonly string[];
  /** Per topic. */
  maxInFlight: number;
  onRecord(delivery: Delivery): void;
  /** `onRecord` threw. */
  onError(error: unknown): void;
  /** A record left the queue. */
  onTaken?(partition: AssignedPartition): void;
  /** A record was acknowledged. */
  onAcked?(partition: AssignedPartition): void;
  /** Runs a callback soon, in another turn. @default setImmediate */
  defer?: (callback: () => void) => void;
}

/**
 * Hands queued records to the consumer: in offset order inside a partition, by timestamp between partitions, at most
 * `maxInFlight` per topic unacknowledged, never inside the call that made a record available.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #lanes: Map<string, Lane>;
  readonly #defer: (callback: () => void) => void;
  #scheduled = false;
  #suspended = false;
  #stopped = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#lanes = new Map(options.topics.map((topic) => [topic, new Lane(options.maxInFlight)]));
    this.#defer = options.defer ?? ((callback) => void setImmediate(callback));
  }

  get inFlight(): number {
    let sum = 0;
    for (const lane of this.#lanes.values()) sum += lane.inFlight;
    return sum;
  }

  /** The partition's queue has records. */
  wake(partition: AssignedPartition): void {
    if (partition.ready || !partition.owned) return;
    const head = partition.queue.peek();
    if (head === undefined) return;
    partition.headTimestamp = head.timestamp;
    this.#lanes.get(partition.topic)?.push(partition);
    this.#schedule();
  }

  /** The partition is no longer ours: what it has in flight counts no more. */
  remove(partition: AssignedPartition): void {
    if (!partition.owned) return;
    partition.revoke();
    const lane = this.#lanes.get(partition.topic);
    if (lane !== undefined) lane.inFlight -= partition.tracker.pending;
    this.#schedule();
  }

  pause(topics: readonly string[]): void {
    for (const lane of this.#select(topics)) lane.paused = true;
  }

  resume(topics: readonly string[]): void {
    for (const lane of this.#select(topics)) lane.paused = false;
    this.#schedule();
  }

  /** Holds all deliveries, as during a rebalance, when a record might be on its way to another member. */
  suspend(): void {
    this.#suspended = true;
  }

  release(): void {
    this.#suspended = false;
    this.#schedule();
  }

  /** For good. */
  stop(): void {
    this.#stopped = true;
  }

  #select(topics: readonly string[]): Lane[] {
    return topics.flatMap((topic) => this.#lanes.get(topic) ?? []);
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped || this.#suspended) return;
    this.#scheduled = true;
    this.#defer(() => this.#deliverSlice());
  }

  #deliverSlice(): void {
    this.#scheduled = false;
    for (let count = 0; count < SLICE; count++) {
      const lane = this.#stopped || this.#suspended ? undefined : this.#earliestLane();
      const partition = lane?.pop();
      if (lane === undefined || partition === undefined) return;
      if (partition.owned) this.#deliverOne(lane, partition);
    }
    this.#schedule();
  }

  #earliestLane(): Lane | undefined {
    let earliest: Lane | undefined;
    for (const lane of this.#lanes.values()) {
      if (!lane.open || lane.empty) continue;
      if (earliest === undefined || lane.headTimestamp < earliest.headTimestamp) earliest = lane;
    }
    return earliest;
  }

  #deliverOne(lane: Lane, partition: AssignedPartition): void {
    const record = partition.queue.shift();
    if (record === undefined) return;
    partition.tracker.add(record.offset);
    lane.inFlight++;
    this.wake(partition);
    this.#options.onTaken?.(partition);
    try {
      this.#options.onRecord(new DispatchedRecord(record, partition, this.#acknowledge));
    } catch (error) {
      this.#options.onError(error);
    }
  }

  readonly #acknowledge = (partition: AssignedPartition, offset: number): void => {
    if (!partition.owned || !partition.tracker.ack(offset)) return;
    const lane = this.#lanes.get(partition.topic);
    if (lane !== undefined && lane.inFlight-- > 0 && !lane.empty) this.#schedule();
    this.#options.onAcked?.(partition);
  };
}

class DispatchedRecord implements Delivery {
  readonly record: LogRecord;
  readonly #partition: AssignedPartition;
  readonly #acknowledge: (partition: AssignedPartition, offset: number) => void;

  constructor(record: LogRecord, partition: AssignedPartition, acknowledge: (partition: AssignedPartition, offset: number) => void) {
    this.record = record;
    this.#partition = partition;
    this.#acknowledge = acknowledge;
  }

  get owned(): boolean {
    return this.#partition.owned;
  }

  ack(): void {
    this.#acknowledge(this.#partition, this.record.offset);
  }
}
