import type { KafkaMessage } from 'kafkajs';
import { ByteReader } from './byte-reader.ts';
import { recordsOf } from './kafkajs-internals.ts';
import { committedBatches, splitBatches, type AbortedTransaction } from './record-batches.ts';

/** What a fetch has brought of one partition. */
export interface FetchedPartition {
  partition: number;
  /** The broker's error code; 0 is none. */
  errorCode: number;
  /** Where the partition ends. */
  highWatermark: number;
  /** Where the first open transaction begins; nothing is read beyond it. */
  lastStableOffset: number;
  /** Records of committed transactions, and of none; the first may lie before the offset that was asked for. */
  records: KafkaMessage[];
  /** The offset after the last batch, whatever was in it; undefined when there was none. */
  next: number | undefined;
}

/** The broker has delayed the answer, or left records out, to keep to a quota. */
interface FetchAnswer {
  throttled: boolean;
  partitions: FetchedPartition[];
}

interface RawPartition extends Pick<FetchedPartition, 'partition' | 'errorCode' | 'highWatermark' | 'lastStableOffset'> {
  aborted: AbortedTransaction[];
  bytes: Buffer;
}

/**
 * Reads the answer to a fetch of one topic, version 11 of the request. kafkajs reads it too, but shows records only: not
 * where empty batches (what compaction leaves) end, which would be fetched again for ever; and of aborted transactions
 * that overlap it lets records through.
 */
export async function decodeFetch(payload: Buffer): Promise<FetchAnswer> {
  const reader = new ByteReader(payload);
  const throttleMs = reader.int32();
  reader.int16();
  reader.int32();
  const raw = reader.array(() => {
    reader.string();
    return reader.array(readPartition);
  });
  return { throttled: throttleMs > 0, partitions: await Promise.all(raw.flat().map(decodePartition)) };
}

function readPartition(reader: ByteReader): RawPartition {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const [highWatermark, lastStableOffset] = [reader.int64(), reader.int64()];
  reader.int64();
  const aborted = reader.array(() => ({ producerId: reader.bigint64(), firstOffset: reader.int64() }));
  reader.int32();
  return { partition, errorCode, highWatermark, lastStableOffset, aborted, bytes: reader.bytes(reader.int32()) };
}

async function decodePartition({ aborted, bytes, ...partition }: RawPartition): Promise<FetchedPartition> {
  const batches = splitBatches(bytes);
  const last = batches.at(-1);
  const records: KafkaMessage[] = [];
  for (const batch of committedBatches(batches, aborted)) for (const record of await recordsOf(batch.bytes)) records.push(record);
  return { ...partition, records, next: last === undefined ? undefined : last.lastOffset + 1 };
}
