import type { Cache } from '@tandem/shared/cache';
import { sharedRunCounts, type RunCounts, type Suspicion } from './run-counts.ts';

const PROBE_TTL_MS = 60_000;

/**
 * Where runs are counted: in a cache that outlives the process, and in the log where there is none, or while it is away.
 * @param logged undefined: there is no log that outlives the process
 * @returns undefined: there is nothing to count in
 */
export function runCountsOf(cache: Cache, logged: RunCounts | undefined): RunCounts | undefined {
  if (!cache.shared) return logged;
  const shared = sharedRunCounts(cache);
  if (logged === undefined) return shared;
  return new FallbackRunCounts(shared, logged, () => cache.increment('attempt:probe', { ttlMs: PROBE_TTL_MS }));
}

/**
 * Runs counted in the cache, and in the log while the cache does not answer. The log is read only by who has found the cache away, for as long as it
 * lives: what was counted there goes over to the cache with the next run. Who starts when the cache is back counts from what the cache knows.
 */
class FallbackRunCounts implements RunCounts {
  readonly #shared: RunCounts;
  readonly #logged: RunCounts;
  readonly #probe: () => Promise<unknown>;
  #hasBeenAway = false;
  /** Undefined: not since the last assignment. */
  #probed: Promise<unknown> | undefined;

  /** @param probe writes to the cache */
  constructor(shared: RunCounts, logged: RunCounts, probe: () => Promise<unknown>) {
    this.#shared = shared;
    this.#logged = logged;
    this.#probe = probe;
  }

  refresh(): void {
    this.#shared.refresh();
    this.#logged.refresh();
    this.#probed = undefined;
  }

  async of(key: string): Promise<number> {
    // A cache that is full answers, and takes nothing: that it has counted nothing says nothing then.
    this.#probed ??= this.#try(this.#probe);
    await this.#probed;
    const shared = await this.#try(() => this.#shared.of(key));
    if (!this.#hasBeenAway) return shared ?? 0;
    return Math.max(shared ?? 0, await this.#logged.of(key));
  }

  async begin(suspicions: readonly Suspicion[]): Promise<void> {
    const isCounted = await this.#try(() => this.#shared.begin(suspicions).then(() => true));
    if (isCounted !== true) await this.#logged.begin(suspicions);
  }

  async end(suspicions: readonly Suspicion[]): Promise<void> {
    await Promise.all([this.#try(() => this.#shared.end(suspicions)), this.#logged.end(suspicions)]);
  }

  /** Undefined: the cache is away, which its connection says. */
  async #try<T>(command: () => Promise<T>): Promise<T | undefined> {
    try {
      return await command();
    } catch {
      this.#hasBeenAway = true;
      return undefined;
    }
  }
}
