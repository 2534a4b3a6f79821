import type { Cache } from '@tandem/shared/cache';

/** A record that may have been in flight when the process before this one died. */
export interface Suspicion {
  readonly key: string;
  /** Which run of it as a suspect the next one would be, from 1. */
  readonly attempt: number;
}

/** Where the runs of suspects are counted: whoever comes after a death has to know of them. */
export interface RunCounts {
  /** What others have counted until now is known from now on. */
  refresh(): void;
  of(key: string): Promise<number>;
  /** Resolves when it is known to others, whatever becomes of this process. */
  begin(suspicions: readonly Suspicion[]): Promise<void>;
  end(suspicions: readonly Suspicion[]): Promise<void>;
}

const TTL_MS = 3_600_000;

/** One count for each, in a cache that outlives the process. */
export function sharedRunCounts(cache: Cache): RunCounts {
  return {
    refresh: () => undefined,
    of: async (key) => Number((await cache.get(key)) ?? 0),
    begin: async (suspicions) => void (await Promise.all(suspicions.map((suspicion) => count(cache, suspicion)))),
    end: async (suspicions) => void (await Promise.all(suspicions.map(({ key }) => cache.delete(key)))),
  };
}

async function count(cache: Cache, { key, attempt }: Suspicion): Promise<void> {
  const counted = await cache.increment(key, { ttlMs: TTL_MS });
  // Earlier runs were counted elsewhere, while the cache was away.
  if (counted < attempt) await cache.set(key, String(attempt), { ttlMs: TTL_MS });
}
