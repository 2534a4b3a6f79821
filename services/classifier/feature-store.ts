import type { Interaction } from '@tandem/schemas';
import type { BoundedList, Cache } from '@tandem/shared/cache';
import type { Clock } from '@tandem/shared/clock';
import { encodeEntry, historyAsOf, type AsOf, type KnownHistory } from '@tandem/shared/core';
import { isRetryable } from '@tandem/shared/errors';
import { ChangeSignal } from './change-signal.ts';

/** A shared cache changes through other processes too, so it is asked again at this pace while somebody waits. */
const POLL_MS = 10;
/** Interactions may be read well ahead of a request that lies before them; it still finds its history if so many are kept. */
const KEPT_LENGTHS = 2;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

export interface FeatureStoreOptions {
  cache: Cache;
  clock: Clock;
  /** The newest so many are given. */
  historyLimit: number;
  ttlMs: number | undefined;
  /** The cache did not answer. */
  onUnavailable: (error: unknown) => void;
}

/** Where an interaction lies in the log. */
export interface Position {
  topic: string;
  partition: number;
  offset: number;
}

/** Each user's newest interactions, and how many there ever were. */
export class FeatureStore {
  readonly #options: FeatureStoreOptions;
  readonly #changes: ChangeSignal;
  /** The last append under way of each user. */
  readonly #appending = new Map<string, Promise<void>>();
  #stopped = false;

  constructor(options: FeatureStoreOptions) {
    this.#options = options;
    this.#changes = new ChangeSignal(options.clock);
  }

  /**
   * Resolves when stored. Appends of one user are stored in the order of the calls, also while the cache is away and
   * each has to be tried again: an offset that overtook an earlier one would make the cache ignore the earlier one.
   */
  append(interaction: Interaction, position: Position): Promise<void> {
    const { userId } = interaction;
    const before = this.#appending.get(userId);
    const store = () => this.#store(interaction, position);
    const stored = before === undefined ? store() : before.then(store, store);
    this.#appending.set(userId, stored);
    return stored.finally(() => {
      if (this.#appending.get(userId) === stored) this.#appending.delete(userId);
      this.#changes.changed(userId);
    });
  }

  /** What is known of a user as of a moment; waits for interactions that should be known, until `waitUntil` (epoch ms). */
  async read(userId: string, asOf: AsOf, waitUntil: number): Promise<KnownHistory> {
    try {
      const key = featureKey(userId);
      const first = await this.#options.cache.list(key);
      const stored = isShort(first, asOf) ? await this.#await(userId, asOf, waitUntil) : first;
      return historyAsOf(stored, { ...asOf, length: this.#options.historyLimit });
    } catch (error) {
      this.#options.onUnavailable(error);
      return { history: undefined, times: [], exact: false };
    }
  }

  /** Gives up appends that the cache did not take; their records are not acknowledged, so they come again. */
  stop(): void {
    this.#stopped = true;
  }

  async #await(userId: string, asOf: AsOf, waitUntil: number): Promise<BoundedList> {
    const { cache, clock } = this.#options;
    for (;;) {
      // Listening begins before the list is read, so that no change falls between the two.
      const change = this.#changes.next(userId, cache.shared ? Math.min(waitUntil, clock.now() + POLL_MS) : waitUntil);
      try {
        const stored = await cache.list(featureKey(userId));
        if (!isShort(stored, asOf) || clock.now() >= waitUntil) return stored;
        await change.happened;
      } finally {
        change.cancel();
      }
    }
  }

  async #store({ userId, itemId, time }: Interaction, { topic, partition, offset }: Position): Promise<void> {
    const { cache, historyLimit, ttlMs, onUnavailable } = this.#options;
    const options = { limit: KEPT_LENGTHS * historyLimit, source: `${topic}/${partition}`, offset, ...(ttlMs === undefined ? {} : { ttlMs }) };
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        return await cache.append(featureKey(userId), encodeEntry(itemId, time), options);
      } catch (error) {
        if (!isRetryable(error) || this.#stopped) throw error;
        onUnavailable(error);
        await this.#pause(pauseMs);
      }
    }
  }

  #pause(durationMs: number): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      clock.schedule(clock.now() + durationMs, resolve);
    });
  }
}

function featureKey(userId: string): string {
  return `features:${userId}`;
}

function isShort({ total }: BoundedList, { interactions }: AsOf): boolean {
  return interactions !== undefined && total < interactions;
}
