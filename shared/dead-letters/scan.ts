import { partitionOfKey, type EventLog, type LogRecord } from '../log/index.ts';
import { readLetter, type DeadLetter } from './letter.ts';

export interface ScanOptions {
  log: EventLog;
  /** Of the dead letters, with its prefix. */
  topic: string;
  /** Letters put there before it (epoch ms) are passed over. */
  since?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Records of the topic, read and to be read. Each is read twice. */
  onProgress?: ((read: number, all: number) => void) | undefined;
}

interface Range {
  topic: string;
  partition: number;
  from?: { timestamp: number };
  to: number;
  signal?: AbortSignal;
}

/**
 * The letters that are there now, each once, partition by partition, oldest first. Reads twice, so that values need no
 * memory: first for the newest record of each key, since the topic may not be compacted yet; then for the letters.
 */
export async function* scanLetters(options: ScanOptions): AsyncGenerator<DeadLetter> {
  const { log, topic, since, signal, onProgress } = options;
  const partitions = await log.admin.offsets(topic);
  const all = 2 * partitions.reduce((sum, { earliest, latest }) => sum + latest - earliest, 0);
  let read = 0;
  const count = (records: number) => onProgress?.(Math.min(read += records, all), all);
  for (const { partition, latest } of partitions) {
    const range: Range = { topic, partition, to: latest, ...(since === undefined ? {} : { from: { timestamp: since } }), ...(signal && { signal }) };
    yield* lettersOf(log, range, count);
  }
}

async function* lettersOf(log: EventLog, range: Range, count: (records: number) => void): AsyncGenerator<DeadLetter> {
  const newest = new Map<string, number>();
  for await (const batch of log.read(range)) {
    count(batch.length);
    for (const { key, offset } of batch) if (key !== null) newest.set(key, offset);
  }
  for await (const batch of log.read(range)) {
    count(batch.length);
    for (const record of batch) {
      const letter = record.key !== null && newest.get(record.key) === record.offset ? readLetter(record) : undefined;
      if (letter !== undefined) yield letter;
    }
  }
}

/** One letter by its key; undefined: there is none, or none any more. */
export async function findLetter(log: EventLog, topic: string, key: string): Promise<DeadLetter | undefined> {
  const partitions = await log.admin.offsets(topic);
  let newest: LogRecord | undefined;
  for await (const batch of log.read({ topic, partition: partitionOfKey(key, partitions.length) })) {
    newest = batch.findLast((record) => record.key === key) ?? newest;
  }
  return newest === undefined ? undefined : readLetter(newest);
}
