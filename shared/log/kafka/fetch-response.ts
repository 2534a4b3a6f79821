import type { LogRecord, TopicPartition } from '../types.ts';
import { ByteReader } from './byte-reader.ts';
import { committedBatches, splitBatches, type AbortedTransaction } from './record-batches.ts';
import { readableRecordsOf } from './stored-records.ts';

/** What a fetch has brought of one partition. */
export interface FetchedPartition extends TopicPartition {
  /** The broker's error code; 0 is none. */
  errorCode: number;
  /** Where the partition ends. */
  highWatermark: number;
  /** Where the first open transaction begins; nothing is read beyond it. */
  lastStableOffset: number;
  /** Records of committed transactions, and of none; the first may lie before the offset that was asked for. */
  records: LogRecord[];
  /** The offset after the last batch, whatever was in it; undefined when there was none. */
  next: number | undefined;
  /** Epoch ms: when the broker has appended the last of them, where the topic stamps it. */
  appendedAt: number | undefined;
}

export interface FetchAnswer {
  /** The broker has delayed the answer, or left records out, to keep to a quota. */
  throttled: boolean;
  /** Of the whole answer; 0 is none. */
  errorCode: number;
  /** 0 where the broker keeps none. */
  sessionId: number;
  partitions: FetchedPartition[];
}

const CORRUPT_MESSAGE = 2;

interface RawPartition extends Pick<FetchedPartition, 'topic' | 'partition' | 'errorCode' | 'highWatermark' | 'lastStableOffset'> {
  aborted: AbortedTransaction[];
  bytes: Buffer;
}

/**
 * Reads the answer to a fetch, version 11 of the request. kafkajs reads it too, but shows records only: not where empty
 * batches (what compaction leaves) end, which would be fetched again for ever; and of aborted transactions that overlap
 * it lets records through.
 */
export function decodeFetch(payload: Buffer): FetchAnswer {
  const reader = new ByteReader(payload);
  const throttled = reader.int32() > 0;
  const errorCode = reader.int16();
  const sessionId = reader.int32();
  const raw = reader.array(() => {
    const topic = reader.string();
    return reader.array(() => readPartition(reader, topic));
  });
  return { throttled, errorCode, sessionId, partitions: raw.flat().map(decodePartition) };
}

function readPartition(reader: ByteReader, topic: string): RawPartition {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const [highWatermark, lastStableOffset] = [reader.int64(), reader.int64()];
  reader.int64();
  const aborted = reader.array(() => ({ producerId: reader.bigint64(), firstOffset: reader.int64() }));
  reader.int32();
  return { topic, partition, errorCode, highWatermark, lastStableOffset, aborted, bytes: reader.bytes(reader.int32()) };
}

function decodePartition(raw: RawPartition): FetchedPartition {
  try {
    return decodeBatches(raw);
  } catch {
    // Where the next batch begins cannot be told, so there is no reading on. The other partitions are not held up.
    const { aborted: _, bytes: __, ...partition } = raw;
    return { ...partition, errorCode: CORRUPT_MESSAGE, records: [], next: undefined, appendedAt: undefined };
  }
}

function decodeBatches({ aborted, bytes, ...partition }: RawPartition): FetchedPartition {
  const batches = splitBatches(bytes);
  const last = batches.at(-1);
  const records = committedBatches(batches, aborted).flatMap((batch) => readableRecordsOf(batch, partition));
  return { ...partition, records, next: last === undefined ? undefined : last.lastOffset + 1, appendedAt: last?.appendedAt };
}
