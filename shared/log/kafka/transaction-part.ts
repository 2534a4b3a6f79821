import type { OutgoingRecord } from '../types.ts';

/** A record that is to be written, and about how many bytes it takes. */
export interface SizedRecord {
  record: OutgoingRecord;
  bytes: number;
}

/** What a transaction writes to one partition: a batch at a time, which stays the same until its fate is known. */
export class TransactionPart {
  readonly topic: string;
  readonly partition: number;
  readonly #records: SizedRecord[] = [];
  #at = 0;
  #batch: readonly SizedRecord[] | undefined;
  #inDoubt = false;
  #writtenAt = -1;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  get done(): boolean {
    return this.#at >= this.#records.length;
  }

  /** Whether the batch may have been written or not. */
  get inDoubt(): boolean {
    return this.#inDoubt;
  }

  /** The offset at which the last batch begins that is written; −1 while none is. */
  get writtenAt(): number {
    return this.#writtenAt;
  }

  get batch(): readonly SizedRecord[] {
    return this.#batch ?? [];
  }

  push(record: SizedRecord): void {
    this.#records.push(record);
  }

  /** Fixes the next batch, where there is none: at least one record, else as many as fit. Returns its bytes. */
  prepare(maxBytes: number): number {
    this.#batch ??= this.#take(maxBytes);
    return this.#batch.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** The batch goes to a broker; until it says what became of it, it may have been written. */
  send(): void {
    this.#inDoubt = true;
  }

  /** The batch is written, from that offset on. */
  advance(baseOffset: number): void {
    this.#inDoubt = false;
    this.#writtenAt = baseOffset;
    this.#at += this.batch.length;
    this.#batch = undefined;
  }

  /** The batch was not written. */
  refuse(): void {
    this.#inDoubt = false;
  }

  /** Tries half of a batch that was refused. Returns whether there is a half. */
  halve(): boolean {
    if (this.batch.length < 2) return false;
    this.#batch = this.batch.slice(0, this.batch.length >> 1);
    return true;
  }

  #take(maxBytes: number): SizedRecord[] {
    let end = this.#at;
    for (let bytes = 0; end < this.#records.length; end++) {
      bytes += this.#records[end]?.bytes ?? 0;
      if (bytes > maxBytes && end > this.#at) break;
    }
    return this.#records.slice(this.#at, end);
  }
}

/** The next batches of parts that lie on one broker, as many as fit into a request; at least one. */
export function nextRequest(parts: readonly TransactionPart[], maxBytes: number): TransactionPart[] {
  const taken: TransactionPart[] = [];
  let room = maxBytes;
  for (const part of parts) {
    if (room <= 0) break;
    room -= part.prepare(room);
    taken.push(part);
  }
  return taken;
}
