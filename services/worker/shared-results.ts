import { createHash } from 'node:crypto';
import type { StepResult } from '@tandem/schemas';
import { CachePatience, userHash, type Cache } from '@tandem/shared/cache';
import type { Clock } from '@tandem/shared/clock';
import type { ContentKey, StoredResult } from '@tandem/shared/core';
import type { Reusable } from './reusable.ts';

/** A result is worth waiting for only as long as computing it would take, about. */
const LONGEST_WAIT_MS = 20;
/** While the cache is silent nobody waits for it; so often one is asked whether it is back. */
const PROBE_EVERY_MS = 1_000;

export interface SharedResultsOptions {
  cache: Cache;
  clock: Clock;
  /** The cache did not answer. */
  onUnavailable: (error: unknown) => void;
}

export interface SharedQuestion {
  /** Epoch ms; what was stored before that is too old. */
  oldestAt: number;
  /** By when a result has to be there, epoch ms; null: no matter. */
  dueAt: number | null;
}

export interface SharedSlot {
  get(question: SharedQuestion): Promise<StoredResult<Reusable> | undefined>;
  /** @param ttlMs from now */
  set(stored: StoredResult<Reusable>, ttlMs: number, userId: string | undefined): void;
}

/**
 * Results in the cache that all workers share. Each lies under the SHA-256 of its content, with the whole content before
 * it, which has to agree. Without the cache there are simply none: no call rejects.
 */
export class SharedResults {
  readonly #options: SharedResultsOptions;
  readonly #patience: CachePatience;
  #probeAt = -Infinity;

  constructor(options: SharedResultsOptions) {
    this.#options = options;
    this.#patience = new CachePatience(options.clock, options.cache);
  }

  /** Where the result of this content lies, or will. */
  slot({ content }: ContentKey): SharedSlot {
    let text: string | undefined;
    // Written out once, and only if the cache is asked at all.
    const written = () => (text ??= JSON.stringify(content));
    return {
      get: (question) => this.#get(written, question),
      set: (stored, ttlMs, userId) => this.#set(written, stored, ttlMs, userId),
    };
  }

  /** @param user SHA-256 of the user id */
  forget(user: string): void {
    void this.#try(() => this.#patience.ask(null, () => this.#options.cache.deleteOwned(resultsOwner(user))));
  }

  async #get(written: () => string, { oldestAt, dueAt }: SharedQuestion): Promise<StoredResult<Reusable> | undefined> {
    const { cache, clock } = this.#options;
    if (this.#patience.isSuspect) return this.#probe();
    const text = written();
    // The patience grants half of the time that it is told.
    const until = Math.min(dueAt ?? Infinity, clock.now() + 2 * LONGEST_WAIT_MS);
    const stored = await this.#try(() => this.#patience.ask(until, () => cache.get(resultKey(text))));
    const result = stored === undefined ? undefined : readStored(stored, text);
    return result !== undefined && result.storedAt >= oldestAt ? result : undefined;
  }

  #set(written: () => string, { value, storedAt }: StoredResult<Reusable>, ttlMs: number, userId: string | undefined): void {
    if (this.#patience.isSuspect) return;
    const text = written();
    const stored = `${text}\n${JSON.stringify([value.result, value.computeMs, storedAt])}`;
    const options = { ttlMs, ...(userId === undefined ? {} : { owner: resultsOwner(userHash(userId)) }) };
    void this.#try(() => this.#patience.ask(null, () => this.#options.cache.set(resultKey(text), stored, options)));
  }

  #probe(): undefined {
    const now = this.#options.clock.now();
    if (now < this.#probeAt) return undefined;
    this.#probeAt = now + PROBE_EVERY_MS;
    void this.#try(() => this.#patience.ask(null, () => this.#options.cache.get('result:probe')));
    return undefined;
  }

  async #try<Answer>(question: () => Promise<Answer>): Promise<Answer | undefined> {
    try {
      return await question();
    } catch (error) {
      this.#options.onUnavailable(error);
      return undefined;
    }
  }
}

/** Whom the cached results of a user belong to. @param user SHA-256 of the user id */
export function resultsOwner(user: string): string {
  return `results:${user}`;
}

function resultKey(content: string): string {
  return `result:${createHash('sha256').update(content).digest('base64url')}`;
}

/** The cache may hold anything under any key; what is no result of this content is none. JSON has no raw line feed. */
function readStored(stored: string, content: string): StoredResult<Reusable> | undefined {
  if (!stored.startsWith(content) || stored[content.length] !== '\n') return undefined;
  try {
    const [result, computeMs, storedAt] = JSON.parse(stored.slice(content.length + 1)) as [unknown, number, number];
    return isResult(result) && Number.isFinite(computeMs) && Number.isFinite(storedAt) ? { value: { result, computeMs }, storedAt } : undefined;
  } catch {
    return undefined;
  }
}

function isResult(value: unknown): value is StepResult {
  if (typeof value !== 'object' || value === null) return false;
  const { items, scores, labels, probabilities } = value as Record<string, unknown>;
  return (Array.isArray(items) && Array.isArray(scores)) || (Array.isArray(labels) && Array.isArray(probabilities));
}
