import { UNREADABLE_BATCH_HEADER } from '@tandem/schemas';
import { messageOf } from '../../errors/index.ts';
import type { Headers, LogRecord, TopicPartition } from '../types.ts';
import { decompress } from './compression.ts';
import { HEADER_BYTES, type StoredBatch } from './record-batches.ts';

const COUNT_AT = 57;
/** More cannot be told from damage: no batch is larger than what a fetch may bring. */
const LONGEST_VARINT_BYTES = 10;

/**
 * The records of a batch as it lies in the log. Source of the format: https://kafka.apache.org/documentation/#record
 * @throws {Error} where it is damaged
 */
export function recordsOf(batch: StoredBatch, { topic, partition }: TopicPartition): LogRecord[] {
  const { firstOffset, firstTimestamp, appendedAt } = batch;
  const fields = new Fields(decompress(batch.compression, batch.bytes.subarray(HEADER_BYTES)));
  const records: LogRecord[] = [];
  for (let left = batch.bytes.readInt32BE(COUNT_AT); left > 0; left--) {
    const end = fields.varint() + fields.at;
    fields.at += 1;
    const timestamp = firstTimestamp + fields.varint();
    const offset = firstOffset + fields.varint();
    const key = fields.text();
    const value = fields.copy();
    const headers = headersOf(fields);
    if (fields.at !== end) throw new RangeError('a damaged record batch');
    records.push({ topic, partition, offset, key, value, headers, timestamp: appendedAt ?? timestamp });
  }
  return records;
}

/** A batch may be as large as a record may, and as a dead letter it has headers besides; all of it is where it was. */
const MOST_UNREADABLE_BYTES = 524_288;

/**
 * The records of a batch; of one that cannot be read, its bytes as one record: no reader takes it for one of its own, so
 * it ends where unreadable records end, and what comes after it is read.
 */
export function readableRecordsOf(batch: StoredBatch, place: TopicPartition): LogRecord[] {
  try {
    return recordsOf(batch, place);
  } catch (error) {
    const { bytes, lastOffset: offset, firstTimestamp, appendedAt } = batch;
    const { topic, partition } = place;
    const headers = { [UNREADABLE_BATCH_HEADER]: `${messageOf(error)} (offsets ${batch.firstOffset} to ${offset}, ${bytes.length} bytes)` };
    return [{ topic, partition, offset, key: null, value: Buffer.from(bytes.subarray(0, MOST_UNREADABLE_BYTES)), headers, timestamp: appendedAt ?? firstTimestamp }];
  }
}

/** Of a header that is there twice the last counts; what has no value is left out. */
function headersOf(fields: Fields): Headers {
  const headers: Record<string, string> = {};
  for (let left = fields.varint(); left > 0; left--) {
    const name = fields.text() ?? '';
    const value = fields.text();
    if (value === null) continue;
    if (name === '__proto__') Object.defineProperty(headers, name, { value, enumerable: true, configurable: true, writable: true });
    else headers[name] = value;
  }
  return headers;
}

/** Reads the fields of records, one after the other. */
class Fields {
  at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** A signed number (zigzag), exact below 2^53. */
  varint(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < LONGEST_VARINT_BYTES; count++) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) throw new RangeError('a record batch that is cut off');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      factor *= 0x80;
    }
    throw new RangeError('a damaged number in a record batch');
  }

  text(): string | null {
    const length = this.#length();
    return length < 0 ? null : this.#bytes.toString('utf8', this.at, (this.at += length));
  }

  /** A slice would keep all that was fetched in memory for as long as one record is held. */
  copy(): Buffer | null {
    const length = this.#length();
    return length < 0 ? null : Buffer.from(this.#bytes.subarray(this.at, (this.at += length)));
  }

  /** Below 0 stands for null. */
  #length(): number {
    const length = this.varint();
    if (this.at + length > this.#bytes.length) throw new RangeError('a record batch that is cut off');
    return length;
  }
}
