import type { Erasure, Interaction } from '@tandem/schemas';
import type { BoundedList, Cache, CachePatience } from '@tandem/shared/cache';
import type { Clock } from '@tandem/shared/clock';
import { encodeEntry, historyAsOf, type AsOf, type KnownHistory } from '@tandem/shared/core';
import { isRetryable } from '@tandem/shared/errors';
import { ChangeSignal } from './change-signal.ts';
import { Erasures, isErased, isSettled } from './erasures.ts';
import type { Position } from './position.ts';

/** A shared cache changes through other processes too, so it is asked again at this pace while somebody waits. */
const POLL_MS = 10;
/** Interactions may be read well ahead of a request that lies before them; it still finds its history if so many are kept. */
const KEPT_LENGTHS = 2;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
/** An append that another process began before it could know of an erasure has ended by then. */
const ERASURE_SETTLES_MS = 1_000;

export interface FeatureStoreOptions {
  cache: Cache;
  clock: Clock;
  /** The newest so many are given. */
  historyLimit: number;
  ttlMs: number | undefined;
  patience: CachePatience;
  /** The cache did not answer. */
  onUnavailable: (error: unknown) => void;
}

/** Each user's newest interactions, and how many there ever were. */
export class FeatureStore {
  readonly #options: FeatureStoreOptions;
  readonly #changes: ChangeSignal;
  /** The last append or erasure under way of each user. */
  readonly #changing = new Map<string, Promise<void>>();
  readonly #erasures: Erasures;
  readonly #pausing = new Set<() => void>();
  #stopped = false;

  constructor(options: FeatureStoreOptions) {
    this.#options = options;
    this.#changes = new ChangeSignal(options.clock);
    this.#erasures = new Erasures(options.cache);
  }

  /**
   * Resolves when stored. Appends of one user are stored in the order of the calls, also while the cache is away and
   * each has to be tried again: an offset that overtook an earlier one would make the cache ignore the earlier one.
   */
  append(interaction: Interaction, position: Position): Promise<void> {
    return this.#inTurn(interaction.userId, () => this.#store(interaction, position));
  }

  /** Forgets what the user did before this position; resolves when forgotten. Interactions from before it are ignored from now on. */
  erase(erasure: Erasure, position: Position): Promise<void> {
    return this.#inTurn(erasure.userId, () => this.#forget(erasure, position));
  }

  /** What is known of a user as of a moment; waits for interactions that should be known. */
  async read(userId: string, asOf: AsOf, { waitUntil, deadlineAt }: ReadBounds): Promise<KnownHistory> {
    try {
      const key = featureKey(userId);
      const { cache, patience } = this.#options;
      const list = () => patience.ask(deadlineAt, () => cache.list(key));
      const first = await list();
      const stored = isShort(first, asOf) ? await this.#await(userId, asOf, waitUntil, list) : first;
      return historyAsOf(stored, { ...asOf, length: this.#options.historyLimit });
    } catch (error) {
      this.#options.onUnavailable(error);
      return { history: undefined, times: [], exact: false };
    }
  }

  /** Gives up what the cache did not take; those records are not acknowledged, so they come again. */
  stop(): void {
    this.#stopped = true;
    for (const goOn of [...this.#pausing]) goOn();
  }

  async #await(userId: string, asOf: AsOf, waitUntil: number, list: () => Promise<BoundedList>): Promise<BoundedList> {
    const { cache, clock } = this.#options;
    for (;;) {
      // Listening begins before the list is read, so that no change falls between the two.
      const change = this.#changes.next(userId, cache.shared ? Math.min(waitUntil, clock.now() + POLL_MS) : waitUntil);
      try {
        const stored = await list();
        if (!isShort(stored, asOf) || clock.now() >= waitUntil) return stored;
        await change.happened;
      } finally {
        change.cancel();
      }
    }
  }

  /** Changes of one user are made one after the other, each after the one before has ended, well or not. */
  #inTurn(userId: string, change: () => Promise<void>): Promise<void> {
    const before = this.#changing.get(userId);
    const made = before === undefined ? change() : before.then(change, change);
    this.#changing.set(userId, made);
    return made.finally(() => {
      if (this.#changing.get(userId) === made) this.#changing.delete(userId);
      this.#changes.changed(userId);
    });
  }

  #store({ userId, itemId, time }: Interaction, position: Position): Promise<void> {
    const { cache, historyLimit, ttlMs } = this.#options;
    const { topic, partition, offset } = position;
    const options = { limit: KEPT_LENGTHS * historyLimit, source: `${topic}/${partition}`, offset, ...(ttlMs === undefined ? {} : { ttlMs }) };
    return this.#insist(async () => {
      if (isErased(await this.#erasures.of(userId), position)) return;
      await cache.append(featureKey(userId), encodeEntry(itemId, time), options);
    });
  }

  #forget(erasure: Erasure, position: Position): Promise<void> {
    const { cache } = this.#options;
    const { userId } = erasure;
    return this.#insist(async () => {
      if (isSettled(await this.#erasures.of(userId), erasure, position)) return;
      await this.#erasures.mark(erasure, position, false);
      await cache.delete(featureKey(userId));
      if (cache.shared) {
        await this.#pause(ERASURE_SETTLES_MS);
        await cache.delete(featureKey(userId));
      }
      await this.#erasures.mark(erasure, position, true);
    });
  }

  /** Tries for as long as it takes. @throws what is not retryable, and what is once this has been stopped */
  async #insist(change: () => Promise<void>): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        return await change();
      } catch (error) {
        if (!isRetryable(error) || this.#stopped) throw error;
        this.#options.onUnavailable(error);
        await this.#pause(pauseMs);
      }
    }
  }

  #pause(durationMs: number): Promise<void> {
    const { clock } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.schedule(clock.now() + durationMs, resolve);
    this.#pausing.add(resolve);
    return promise.finally(() => {
      cancel();
      this.#pausing.delete(resolve);
    });
  }
}

/** Epoch ms. */
export interface ReadBounds {
  /** For interactions that are not there yet. */
  waitUntil: number;
  /** Of the request; null: none. */
  deadlineAt: number | null;
}

/** Of a user's features in the cache. */
export function featureKey(userId: string): string {
  return `features:${userId}`;
}

function isShort({ total }: BoundedList, { interactions }: AsOf): boolean {
  return interactions !== undefined && total < interactions;
}
