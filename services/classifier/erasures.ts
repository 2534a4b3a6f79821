import type { Erasure } from '@tandem/schemas';
import { userHash, type Cache } from '@tandem/shared/cache';
import type { Position } from './position.ts';

/** Longer than interactions stay in the log, so that none of before can come after the mark has gone. */
const MARK_TTL_MS = 45 * 86_400_000;

/** Up to where a user's interactions are forgotten. */
export interface ErasureMark extends Position {
  /** The erasure's own time, which tells it from others. */
  time: number;
  done: boolean;
}

/** Marks of erased users in the cache. They hold no user id, only its hash. */
export class Erasures {
  readonly #cache: Cache;

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  async of(userId: string): Promise<ErasureMark | undefined> {
    const text = await this.#cache.get(markKey(userId));
    return text === undefined ? undefined : readMark(text);
  }

  async mark({ userId, time }: Erasure, { topic, partition, offset, timestamp }: Position, done: boolean): Promise<void> {
    const mark = [topic, partition, offset, timestamp, time, done ? 'done' : 'begun'].join(' ');
    await this.#cache.set(markKey(userId), mark, { ttlMs: MARK_TTL_MS });
  }
}

/** Appended before the erasure: by offset in its own partition, by the brokers' time in others. */
export function isErased(mark: ErasureMark | undefined, { topic, partition, offset, timestamp }: Position): boolean {
  if (mark === undefined) return false;
  if (mark.topic === topic && mark.partition === partition) return offset <= mark.offset;
  return timestamp <= mark.timestamp;
}

/** The same erasure, redelivered or from another partition, or one that a later one has overtaken. */
export function isSettled(mark: ErasureMark | undefined, { time }: Erasure, { timestamp }: Position): boolean {
  if (mark === undefined) return false;
  return mark.time === time ? mark.done : mark.timestamp >= timestamp;
}

function markKey(userId: string): string {
  return `erased:${userHash(userId)}`;
}

/** The cache may hold anything under any key; what is no mark is none. */
function readMark(text: string): ErasureMark | undefined {
  const [topic, partition, offset, timestamp, time, done] = text.split(' ');
  const numbers = [partition, offset, timestamp, time].map(Number);
  const [at = NaN, from = NaN, appendedAt = NaN, erasedAt = NaN] = numbers;
  if (topic === undefined || !numbers.every(Number.isFinite)) return undefined;
  return { topic, partition: at, offset: from, timestamp: appendedAt, time: erasedAt, done: done === 'done' };
}
