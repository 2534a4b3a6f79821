import type { RecordQueue } from '../record-queue.ts';
import { sizeOfRecord } from '../record-size.ts';
import type { LogRecord } from '../types.ts';

// The array is rebuilt when this many delivered records are at its front.
const REBUILD_AFTER = 1024;

/** Fetched records of a partition that wait for delivery, and how far the partition has been fetched. */
export class FetchedQueue implements RecordQueue {
  /** Whether no more of it is fetched for now. */
  fetchPaused = false;
  #records: (LogRecord | undefined)[] = [];
  #sizes: number[] = [];
  #head = 0;
  #bytes = 0;
  #position: number | undefined;
  #highWatermark = 0;

  /** The next offset to be fetched; undefined before it is known where to begin. */
  get position(): number | undefined {
    return this.#position;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get empty(): boolean {
    return this.#head === this.#records.length;
  }

  get lag(): number {
    const behind = this.#position === undefined ? 0 : Math.max(0, this.#highWatermark - this.#position);
    return this.#records.length - this.#head + behind;
  }

  /** Nothing before this offset has been, or will be, fetched. */
  startAt(offset: number): void {
    this.#position ??= offset;
  }

  push(record: LogRecord): void {
    const bytes = sizeOfRecord(record);
    this.#records.push(record);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
    this.#position = record.offset + 1;
  }

  /** Fetching has come this far; in between there may have been offsets without a record. */
  fetchedTo(position: number, highWatermark: number): void {
    if (this.#position === undefined || position > this.#position) this.#position = position;
    this.#highWatermark = highWatermark;
  }

  peek(): LogRecord | undefined {
    return this.#records[this.#head];
  }

  shift(): LogRecord | undefined {
    const record = this.#records[this.#head];
    if (record === undefined) return undefined;
    this.#bytes -= this.#sizes[this.#head] ?? 0;
    this.#records[this.#head] = undefined;
    this.#head++;
    if (this.empty || this.#head >= REBUILD_AFTER) this.#rebuild();
    return record;
  }

  #rebuild(): void {
    this.#records = this.#records.slice(this.#head);
    this.#sizes = this.#sizes.slice(this.#head);
    this.#head = 0;
  }
}
