import { TandemError } from '../../errors/index.ts';
import { producerClosed, recordTooLarge, tenureOver, unknownPartition } from '../errors.ts';
import { Partitioner } from '../partitioner.ts';
import { sizeOfRecord } from '../record-size.ts';
import type { Tenure } from '../tenure.ts';
import type { LogProducer, OutgoingRecord } from '../types.ts';
import type { Store } from './store.ts';
import type { Topic } from './topic.ts';

// A batch's header, which Kafka counts too.
const BATCH_OVERHEAD_BYTES = 61;

interface Placed {
  record: OutgoingRecord;
  topic: Topic;
  partition: number;
  bytes: number;
}

/** Appends at once; readers hear of it in a later turn. */
export class EmbeddedProducer implements LogProducer {
  readonly #store: Store;
  readonly #partitioner = new Partitioner();
  #closed = false;

  constructor(store: Store) {
    this.#store = store;
  }

  async send(records: readonly OutgoingRecord[], tenure?: Tenure): Promise<void> {
    // Of this log's own consumers it is never doubtful.
    if (tenure?.state === 'over') throw tenureOver();
    const { placed, failure } = this.#prepare(records);
    this.#write(placed);
    if (failure !== undefined) throw failure;
  }

  /** As `send`, but writes nothing where anything is wrong with one of the records. */
  async sendAllOrNothing(records: readonly OutgoingRecord[]): Promise<void> {
    const { placed, failure } = this.#prepare(records);
    if (failure !== undefined) throw failure;
    this.#write(placed);
  }

  #prepare(records: readonly OutgoingRecord[]): { placed: Placed[]; failure: TandemError | undefined } {
    if (this.#closed) throw producerClosed();
    return this.#place(records);
  }

  #write(placed: readonly Placed[]): void {
    const wanted = new Map<Topic, number>();
    for (const { topic, bytes } of placed) wanted.set(topic, (wanted.get(topic) ?? 0) + bytes);
    this.#store.reserve(wanted);
    for (const record of placed) this.#append(record);
  }

  async flush(): Promise<void> {
    // Nothing waits.
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  /** What cannot be written fails alone. */
  #place(records: readonly OutgoingRecord[]): { placed: Placed[]; failure: TandemError | undefined } {
    const placed: Placed[] = [];
    let failure: TandemError | undefined;
    for (const record of records) {
      try {
        placed.push(this.#placeOne(record));
      } catch (error) {
        if (!(error instanceof TandemError)) throw error;
        failure ??= error;
      }
    }
    return { placed, failure };
  }

  #placeOne(record: OutgoingRecord): Placed {
    const topic = this.#store.topic(record.topic);
    const { partitions, maxRecordBytes } = topic.spec;
    const partition = this.#partitioner.choose(record, partitions);
    if (!(partition >= 0 && partition < partitions)) throw unknownPartition(record.topic, partition, partitions);
    const bytes = sizeOfRecord(record);
    if (bytes + BATCH_OVERHEAD_BYTES > maxRecordBytes) throw recordTooLarge(record.topic, bytes, maxRecordBytes);
    return { record, topic, partition, bytes };
  }

  #append({ record, topic, partition, bytes }: Placed): void {
    const { key, value, headers = {}, timestamp } = record;
    const now = this.#store.options.clock.now();
    const stamp = topic.spec.timestamps === 'append' ? now : (timestamp ?? now);
    const bytesOfValue = typeof value === 'string' ? Buffer.from(value) : value;
    this.#store.append(topic, partition, { key, value: bytesOfValue, headers, timestamp: stamp }, bytes);
  }
}
