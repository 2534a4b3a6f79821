import type { LogRecord } from '../types.ts';

// Dropped records leave holes at the front of the array; it is rebuilt when half of it is holes.
const COMPACT_ARRAY_AFTER = 1024;

/** The records of one partition, in offset order: contiguous, or with gaps once compacted. */
export class PartitionLog {
  readonly topic: string;
  readonly partition: number;
  #records: LogRecord[] = [];
  #sizes: number[] = [];
  #head = 0;
  #next = 0;
  #bytes = 0;
  readonly #readers = new Set<() => void>();

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#records.length - this.#head;
  }

  get earliest(): number {
    return this.#records[this.#head]?.offset ?? this.#next;
  }

  /** The next offset. */
  get latest(): number {
    return this.#next;
  }

  append(record: Omit<LogRecord, keyof Position>, bytes: number): LogRecord {
    const { key, value, headers, timestamp } = record;
    const appended = { topic: this.topic, partition: this.partition, offset: this.#next++, key, value, headers, timestamp };
    this.#records.push(appended);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
    for (const reader of this.#readers) reader();
    return appended;
  }

  /** The first record at or after the position. */
  at(position: number): LogRecord | undefined {
    const first = this.#records[this.#head];
    if (first === undefined || position >= this.#next) return undefined;
    const direct = this.#records[this.#head + Math.max(0, position - first.offset)];
    if (direct !== undefined && (direct.offset === position || direct === first)) return direct;
    return this.#records[this.#indexOf(position)];
  }

  /** Calls back on each append until the returned function is called. */
  subscribe(reader: () => void): () => void {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  /** Drops records from the front while `expendable` says so; returns the bytes freed. */
  dropWhile(expendable: (record: LogRecord) => boolean): number {
    const before = this.#bytes;
    for (;;) {
      const first = this.#records[this.#head];
      if (first === undefined || !expendable(first)) break;
      this.#bytes -= this.#sizes[this.#head] ?? 0;
      this.#head++;
    }
    if (this.#head >= COMPACT_ARRAY_AFTER && this.#head * 2 >= this.#records.length) this.#closeGap();
    return before - this.#bytes;
  }

  /** Keeps only the records that `keep` says; returns the bytes freed. */
  retain(keep: (record: LogRecord) => boolean): number {
    this.#closeGap();
    const before = this.#bytes;
    const kept = this.#records.map((record) => keep(record));
    this.#sizes = this.#sizes.filter((_, index) => kept[index]);
    this.#records = this.#records.filter((_, index) => kept[index]);
    this.#bytes = this.#sizes.reduce((sum, bytes) => sum + bytes, 0);
    return before - this.#bytes;
  }

  #closeGap(): void {
    this.#records = this.#records.slice(this.#head);
    this.#sizes = this.#sizes.slice(this.#head);
    this.#head = 0;
  }

  #indexOf(position: number): number {
    let low = this.#head;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#records[middle]?.offset ?? 0) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

type Position = Pick<LogRecord, 'topic' | 'partition' | 'offset'>;
