import { featureKey } from '@tandem/classifier';
import { answersOwner } from '@tandem/gateway';
import { resultsOwner } from '@tandem/worker';
import { topicName, type Erasure, type TopicSpec } from '@tandem/schemas';
import { userHash, type Cache } from '@tandem/shared/cache';
import type { EventLog, LogProducer } from '@tandem/shared/log';
import { scanLetters, tombstone, type DeadLetter } from '@tandem/shared/dead-letters';
import { mentions } from './mentions.ts';

export interface EraseOptions {
  log: EventLog;
  producer: LogProducer;
  /** Of the features, results and answers. One that is not shared holds nothing here: each process follows the log. */
  cache: Cache;
  prefix: string;
  topics: readonly TopicSpec[];
  userId: string;
  /** Epoch ms. */
  now: number;
  dryRun: boolean;
  onProgress?: ((read: number, all: number) => void) | undefined;
}

/** What is still in the log, and until when at the latest it is kept. */
export interface Remainder {
  topic: string;
  /** Epoch ms; a broker may delete later by the age of its segments. */
  until: number;
}

export interface EraseSummary {
  userId: string;
  dryRun: boolean;
  /** Partitions of `interactions` that the erasure was published on. */
  partitions: number;
  /** Deleted from the shared cache; false: there is none. */
  cache: boolean;
  deadLetters: { read: number; erased: number };
  remains: Remainder[];
}

const DAY_MS = 86_400_000;
const TOMBSTONES_AT_ONCE = 200;
/** Topics that hold nothing of users. */
const IMPERSONAL = new Set(['telemetry', 'models']);

/** Makes the flow forget a user: features, results and kept answers at once, dead letters at the next compaction, the rest by retention. */
export async function eraseUser(options: EraseOptions): Promise<EraseSummary> {
  const { cache, userId, dryRun } = options;
  // Published first: what is stored between the two is forgotten too.
  const partitions = await publish(options);
  if (cache.shared && !dryRun) await forget(cache, userId);
  const deadLetters = await eraseLetters(options);
  return { userId, dryRun, partitions, cache: cache.shared, deadLetters, remains: remainders(options) };
}

/** What classifiers, workers and gateways keep of the user. */
async function forget(cache: Cache, userId: string): Promise<void> {
  const user = userHash(userId);
  await Promise.all([cache.delete(featureKey(userId)), cache.deleteOwned(resultsOwner(user)), cache.deleteOwned(answersOwner(user))]);
}

/** Into each partition, behind all that is in it: whoever reads any of them anew reads the erasure too. */
async function publish({ log, producer, prefix, userId, now, dryRun }: EraseOptions): Promise<number> {
  const topic = topicName(prefix, 'interactions');
  const partitions = await log.admin.offsets(topic);
  const value = JSON.stringify({ erase: true, userId, time: Math.round(now) } satisfies Erasure);
  if (!dryRun) await producer.send(partitions.map(({ partition }) => ({ topic, partition, key: userId, value })));
  return partitions.length;
}

async function eraseLetters({ log, producer, prefix, userId, dryRun, onProgress }: EraseOptions): Promise<EraseSummary['deadLetters']> {
  const topic = topicName(prefix, 'dead-letters');
  const counts = { read: 0, erased: 0 };
  let found: DeadLetter[] = [];
  const erase = async () => {
    if (!dryRun && found.length > 0) await producer.send(found.map((letter) => tombstone(topic, letter)));
    counts.erased += found.length;
    found = [];
  };
  for await (const letter of scanLetters({ log, topic, onProgress })) {
    counts.read += 1;
    if (mentions(letter, userId)) found.push({ ...letter, value: null });
    if (found.length >= TOMBSTONES_AT_ONCE) await erase();
  }
  await erase();
  return counts;
}

function remainders({ topics, prefix, now }: EraseOptions): Remainder[] {
  return topics
    .filter(({ name }) => !IMPERSONAL.has(name.slice(prefix.length)))
    .map(({ name, retentionMs, cleanup, maxCompactionLagMs }) => ({ topic: name, until: now + (cleanup === 'compact,delete' ? maxCompactionLagMs ?? DAY_MS : retentionMs) }));
}
