import type { RecordQueue } from '../record-queue.ts';
import type { LogRecord } from '../types.ts';
import type { PartitionLog } from './partition-log.ts';

/** A reader's place in a partition. */
export class Cursor implements RecordQueue {
  readonly log: PartitionLog;
  #position: number;

  constructor(log: PartitionLog, position: number) {
    this.log = log;
    this.#position = position;
  }

  get position(): number {
    return this.#position;
  }

  get lag(): number {
    return Math.max(0, this.log.latest - this.#position);
  }

  peek(): LogRecord | undefined {
    return this.log.at(this.#position);
  }

  shift(): LogRecord | undefined {
    const record = this.log.at(this.#position);
    if (record !== undefined) this.#position = record.offset + 1;
    return record;
  }
}
