import type { Tenure } from '../tenure.ts';
import type { OutgoingRecord } from '../types.ts';

/** A record on its way, and who waits for it. */
export interface PendingRecord {
  record: OutgoingRecord;
  bytes: number;
  /** Undefined: may be written in any case. */
  tenure?: Tenure | undefined;
  settle(error?: unknown): void;
}

/** Records of one partition that are written by one request. They stay together until they are written. */
export interface RecordBatch {
  topic: string;
  partition: number;
  records: PendingRecord[];
  /** Of all its records. */
  tenure?: Tenure | undefined;
}

/** Records of one partition that wait to be sent, in order. */
class PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  /** A batch is on its way: the next must not overtake it. */
  busy = false;
  #records: PendingRecord[] = [];
  #head = 0;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  get empty(): boolean {
    return this.#head === this.#records.length;
  }

  /** Of what is next. */
  get tenure(): Tenure | undefined {
    return this.#records[this.#head]?.tenure;
  }

  push(record: PendingRecord): void {
    this.#records.push(record);
  }

  /** At least one record, else as many of the same tenure as fit. */
  take(maxBytes: number): PendingRecord[] {
    const { tenure } = this;
    let end = this.#head;
    let bytes = 0;
    while (end < this.#records.length) {
      const record = this.#records[end];
      if (record?.tenure !== tenure) break;
      bytes += record?.bytes ?? 0;
      if (bytes > maxBytes && end > this.#head) break;
      end++;
    }
    const taken = this.#records.slice(this.#head, end);
    this.#head = end;
    if (this.empty || this.#head > 4096) {
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
    return taken;
  }
}

/** Gathers records by partition and hands them out in batches that keep each partition's order. */
export class Accumulator {
  readonly #queues = new Map<string, Map<number, PartitionQueue>>();
  /** Partitions with records, longest waiting first. */
  readonly #waiting = new Set<PartitionQueue>();
  /** Partitions with records of a doubtful tenure. */
  readonly #held = new Set<PartitionQueue>();

  /** Nothing can be sent now. */
  get empty(): boolean {
    return this.#waiting.size === 0;
  }

  /** Something has to be looked at again. */
  get holds(): boolean {
    return this.#held.size > 0;
  }

  push(topic: string, partition: number, record: PendingRecord): void {
    const queue = this.#queue(topic, partition);
    queue.push(record);
    if (!queue.busy && !this.#held.has(queue)) this.#waiting.add(queue);
  }

  /** One batch for each partition that may send now, as many as fit into the bytes, of those that the filter lets through. */
  takeBatches(maxBytes: number, wanted: (topic: string, partition: number) => boolean): RecordBatch[] {
    const batches: RecordBatch[] = [];
    let room = maxBytes;
    for (const queue of this.#waiting) {
      const { topic, partition } = queue;
      if (room <= 0) break;
      const { tenure } = queue;
      if (tenure?.state === 'doubtful') {
        this.#waiting.delete(queue);
        this.#held.add(queue);
        continue;
      }
      if (!wanted(topic, partition)) continue;
      const records = queue.take(room);
      room -= records.reduce((sum, { bytes }) => sum + bytes, 0);
      queue.busy = true;
      this.#waiting.delete(queue);
      batches.push({ topic, partition, records, tenure });
    }
    return batches;
  }

  /** What was held may go, if its tenure is certain by now, or over. */
  letGo(): void {
    for (const queue of this.#held) this.#waiting.add(queue);
    this.#held.clear();
  }

  /** The batch is written, or has failed for good: the partition's next may go. */
  release({ topic, partition }: RecordBatch): void {
    const queue = this.#queue(topic, partition);
    queue.busy = false;
    if (!queue.empty) this.#waiting.add(queue);
  }

  /** What waits and has not been handed out. */
  drain(): PendingRecord[] {
    const all: PendingRecord[] = [];
    for (const queues of this.#queues.values()) {
      for (const queue of queues.values()) while (!queue.empty) all.push(...queue.take(Number.POSITIVE_INFINITY));
    }
    this.#waiting.clear();
    this.#held.clear();
    return all;
  }

  #queue(topic: string, partition: number): PartitionQueue {
    let queues = this.#queues.get(topic);
    if (queues === undefined) this.#queues.set(topic, (queues = new Map<number, PartitionQueue>()));
    let queue = queues.get(partition);
    if (queue === undefined) queues.set(partition, (queue = new PartitionQueue(topic, partition)));
    return queue;
  }
}
