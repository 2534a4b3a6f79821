import { HEADER } from '@tandem/schemas';
import type { EventLog, LogProducer, OutgoingRecord } from '../log/index.ts';
import { matches, type LetterFilter } from './filter.ts';
import { tombstone, type DeadLetter } from './letter.ts';
import { whyInVain } from './replayable.ts';
import { scanLetters } from './scan.ts';

export interface ReplayOptions {
  log: EventLog;
  producer: LogProducer;
  prefix: string;
  /** Of the dead letters, with its prefix. */
  topic: string;
  filter: LetterFilter;
  /** At most so many. */
  limit: number;
  /** Also what will end as the same dead letter again. */
  force: boolean;
  dryRun: boolean;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: ReplayProgress) => void) | undefined;
}

export interface ReplayProgress {
  replayed: number;
  read: number;
  all: number;
}

/** What became of the letters that were to be put back. */
export interface ReplaySummary {
  /** Put back; of a dry run, what would be. */
  replayed: number;
  /** By code: left alone, since it would be in vain. */
  refused: Record<string, number>;
  /** Left alone, since their topic is gone. */
  withoutTopic: number;
}

/** Between the two writes of one batch a death of this process puts its letters back twice, so batches are small. */
const BATCH = 50;
const BATCH_BYTES = 1_048_576;

/** The record as it was, and where it stood first. The partition is the key's; without a key, the one it had. */
function originalOf({ topic, partition, sourceKey, headers, value, key }: DeadLetter): OutgoingRecord {
  return {
    topic,
    key: sourceKey,
    value,
    headers: { ...headers, [HEADER.replayOf]: headers[HEADER.replayOf] ?? key },
    ...(sourceKey === null ? { partition } : {}),
  };
}

/** Puts letters back where they came from, and deletes them. What comes while it runs is left alone. */
export async function replayLetters(options: ReplayOptions): Promise<ReplaySummary> {
  const { log, topic, filter, prefix, limit, signal, onProgress } = options;
  const topics = new Set(await log.admin.listTopics());
  const summary: ReplaySummary = { replayed: 0, refused: {}, withoutTopic: 0 };
  const progress = { replayed: 0, read: 0, all: 0 };
  const onRead = (read: number, all: number) => onProgress?.(Object.assign(progress, { read, all }));
  let batch: DeadLetter[] = [];
  for await (const letter of scanLetters({ log, topic, since: filter.since, signal, onProgress: onRead })) {
    if (summary.replayed + batch.length >= limit) break;
    if (matches(letter, filter, prefix) && mayGo(letter, topics, options.force, summary)) batch.push(letter);
    if (!isFull(batch)) continue;
    summary.replayed += await putBack(batch, options);
    batch = [];
    onProgress?.(Object.assign(progress, { replayed: summary.replayed }));
  }
  summary.replayed += await putBack(batch, options);
  return summary;
}

function mayGo({ code, topic }: DeadLetter, topics: ReadonlySet<string>, force: boolean, summary: ReplaySummary): boolean {
  if (!force && whyInVain(code) !== undefined) summary.refused[code] = (summary.refused[code] ?? 0) + 1;
  else if (!topics.has(topic)) summary.withoutTopic += 1;
  else return true;
  return false;
}

function isFull(batch: readonly DeadLetter[]): boolean {
  return batch.length >= BATCH || batch.reduce((sum, { value }) => sum + (value?.byteLength ?? 0), 0) >= BATCH_BYTES;
}

async function putBack(batch: readonly DeadLetter[], { producer, topic, dryRun }: ReplayOptions): Promise<number> {
  if (!dryRun && batch.length > 0) {
    await producer.send(batch.map(originalOf));
    await producer.send(batch.map((letter) => tombstone(topic, letter)));
  }
  return batch.length;
}
