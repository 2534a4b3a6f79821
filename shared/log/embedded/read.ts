import { logBehind, unknownPartition } from '../errors.ts';
import type { LogRecord, ReadOptions } from '../types.ts';
import type { PartitionLog } from './partition-log.ts';
import type { Store } from './store.ts';

const RECORDS_AT_ONCE = 500;

function firstOffset(log: PartitionLog, from: ReadOptions['from']): number {
  if (from === undefined) return log.earliest;
  if ('offset' in from) return Math.max(from.offset, log.earliest);
  let offset = log.earliest;
  for (let record = log.at(offset); record !== undefined && record.timestamp < from.timestamp; record = log.at(offset)) offset = record.offset + 1;
  return offset;
}

/** A range of one partition, as it lies in memory. */
export async function* readRange(store: Store, { topic, partition, from, to, barrier, signal }: ReadOptions): AsyncGenerator<readonly LogRecord[]> {
  const { partitions } = store.topic(topic);
  const log = partitions[partition];
  if (log === undefined) throw unknownPartition(topic, partition, partitions.length);
  if (barrier !== undefined && barrier > log.latest) throw logBehind({ topic, partition }, barrier);
  const end = Math.min(barrier ?? to ?? log.latest, log.latest);
  let next = firstOffset(log, from);
  while (next < end && signal?.aborted !== true) {
    const batch: LogRecord[] = [];
    for (let record = log.at(next); record !== undefined && record.offset < end && batch.length < RECORDS_AT_ONCE; record = log.at(next)) {
      batch.push(record);
      next = record.offset + 1;
    }
    if (batch.length === 0) return;
    yield batch;
  }
}
