import type { Work } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import { lengthBucket, type PrefixCache, type PrefixLease } from '@tandem/shared/core';
import type { LoadedVariant } from '@tandem/shared/engine';
import { isRetryable } from '@tandem/shared/errors';
import { variantName } from '@tandem/shared/registry';
import type { Logger } from '@tandem/shared/telemetry';
import { sessionsOf, type BatchPart, type GraphWork, type RanBatch } from './batch-part.ts';
import type { PrefixUse } from './options.ts';
import { prefill, steps, type LeasedWork, type PrefixRunner } from './prefix-run.ts';

export interface UserPrefixesOptions extends PrefixRunner {
  loaded: LoadedVariant;
  cache: PrefixCache;
  clock: Clock;
  logger: Logger;
  onUse: (use: PrefixUse) => void;
}

type Kind = 'steps' | 'prefill';

/** After so many runs of a kind in a row that failed here and went well without a cache, it is left out for a while. */
const FAILURES_IN_A_ROW = 3;
const LEFT_OUT_MS = 60_000;

/**
 * The prefixes of one variant's users: decides who runs on them and in which company, and keeps them right. An answer
 * is the same with and without; whatever goes wrong here costs the prefixes of the batch, and the batch runs without.
 */
export class UserPrefixes {
  readonly #options: UserPrefixesOptions;
  /** Requests since the start, by how they ran. */
  readonly counts = { hits: 0, misses: 0, bypassed: 0 };
  /** In a row. */
  readonly #failures = { steps: 0, prefill: 0 };
  #leftOutUntil = -Infinity;
  /**
   * Work is being lost: whoever is not one step from the answer runs with the whole history, in company of all others. What is refused leaves gaps in
   * prefixes; to fill them takes many small batches of many kinds, and loses more (large INT8 at twice its capacity was in time with 1,244/s, and without prefixes with 3,090).
   */
  isOverloaded = false;

  constructor(options: UserPrefixesOptions) {
    this.#options = options;
  }

  /** Memory in use. */
  get bytes(): number {
    return this.#options.cache.counts.used * this.#options.pool.slotBytes;
  }

  /** Which work shares a batch: those that need one step, those that need a few, those that need all. Undefined: no prefix is used. */
  kindOf(work: Work, graph: string): string | undefined {
    const owner = this.#ownerOf(work, graph);
    if (owner === undefined) return undefined;
    const { cache, support, variant } = this.#options;
    const tokens = support.tokens(work, variant);
    if (!cache.fits(tokens)) return undefined;
    const match = cache.match(owner, tokens);
    if (!this.#pays(match, work)) return undefined;
    return match.reused > 0 ? stepsKind(match.missing) : prefillKind(tokens.length);
  }

  /**
   * Takes slots for a batch and sorts it into parts. A second request of a user waits for the first one's end.
   * @returns `later`: to be admitted when the parts have run
   */
  admit<T extends GraphWork>(batch: readonly T[]): { parts: BatchPart<T>[]; later: T[] } {
    const [hits, misses, whole, later]: [LeasedWork<T>[], LeasedWork<T>[], T[], T[]] = [[], [], [], []];
    const owners = new Set<string>();
    const evictionsBefore = this.#options.cache.counts.evictions;
    for (const pending of batch) {
      const owner = this.#ownerOf(pending.work, pending.graph);
      if (owner !== undefined && owners.has(owner)) {
        later.push(pending);
        continue;
      }
      const lease = owner === undefined ? undefined : this.#acquire(owner, pending.work);
      if (lease === undefined) whole.push(pending);
      else (lease.reused > 0 ? hits : misses).push({ pending, lease });
      if (owner !== undefined && lease !== undefined) owners.add(owner);
    }
    const evictions = this.#options.cache.counts.evictions - evictionsBefore;
    this.counts.bypassed += whole.length;
    this.#options.onUse({ bypassed: whole.length, evictions, bytes: this.bytes });
    const parts = [this.#part('steps', hits), this.#part('prefill', misses), ...(whole.length === 0 ? [] : [{ pending: whole }])];
    return { parts: parts.filter(({ pending }) => pending.length > 0), later };
  }

  /** Gives up the prefixes of users. */
  forget(isMeant: (owner: string) => boolean): void {
    const { cache, pool } = this.#options;
    for (const owner of cache.owners()) {
      const slot = isMeant(owner) ? cache.forget(owner) : undefined;
      if (slot !== undefined) pool.wipe(slot);
    }
  }

  /** Gives up what nobody has used for long. */
  expire(): void {
    const { cache, pool, clock, onUse } = this.#options;
    for (const slot of cache.expire(clock.now())) pool.wipe(slot);
    onUse({ bytes: this.bytes });
  }

  /** Undefined: no user comes back with a longer history, or the cache is left out. */
  #ownerOf({ task: { userId, key, requestId } }: Work, graph: string): string | undefined {
    const { clock, support } = this.#options;
    if (support.runs(graph) === undefined || clock.now() < this.#leftOutUntil) return undefined;
    return userId ?? (key === requestId ? undefined : key);
  }

  /** Bulk passes through many users once: it uses what is there and takes no room from those who come back. */
  #pays({ reused, missing }: { reused: number; missing: number }, { task: { lane } }: Work): boolean {
    return this.isOverloaded ? reused > 0 && missing === 1 : reused > 0 || lane !== 'bulk';
  }

  #acquire(owner: string, work: Work): PrefixLease | undefined {
    const { cache, support, variant, clock } = this.#options;
    const tokens = support.tokens(work, variant);
    // The cache compares again, so it is asked only where the answer may be no.
    const isChoosy = this.isOverloaded || work.task.lane === 'bulk';
    if (isChoosy && !this.#pays(cache.match(owner, tokens), work)) return undefined;
    return cache.acquire(owner, tokens, clock.now());
  }

  #part<T extends GraphWork>(kind: Kind, leased: readonly LeasedWork<T>[]): BatchPart<T> {
    return {
      pending: leased.map(({ pending }) => pending),
      infer: (background) => this.#infer(kind, leased, background),
      blame: (error) => this.#blame(kind, error),
      abandon: () => this.#drop(leased),
    };
  }

  async #infer(kind: Kind, leased: readonly LeasedWork[], background: boolean): Promise<RanBatch> {
    const { support, cache, pool, clock, loaded } = this.#options;
    const runner = { ...this.#options, loaded: sessionsOf(loaded, background) };
    const runs = support.runs(leased[0]!.pending.graph)!;
    try {
      const ran = await (kind === 'steps' ? steps(runner, leased, runs) : prefill(runner, leased, runs));
      for (const { lease } of leased) if (!cache.commit(lease, clock.now())) pool.wipe(lease.slot);
      this.#failures[kind] = 0;
      this.#report(kind, leased);
      return { ...ran, kind: kind === 'steps' ? stepsKind(longest(leased, 'missing')) : prefillKind(longest(leased, 'tokens')) };
    } catch (error) {
      this.#drop(leased);
      throw error;
    }
  }

  /** Not trusted, and wiped: what is left in it may be anything. */
  #drop(leased: readonly LeasedWork[]): void {
    const { cache, pool } = this.#options;
    for (const { lease } of leased) {
      cache.drop(lease);
      pool.wipe(lease.slot);
    }
  }

  #blame(kind: Kind, error: unknown): void {
    const { variant, clock, logger } = this.#options;
    if (isRetryable(error)) return;
    this.#failures[kind] += 1;
    logger.warn({ err: error, variant: variantName(variant) }, 'a batch failed on cached prefixes and went well without; they are given up');
    if (this.#failures[kind] < FAILURES_IN_A_ROW) return;
    this.#failures[kind] = 0;
    this.#leftOutUntil = clock.now() + LEFT_OUT_MS;
    logger.error({ variant: variantName(variant), forMs: LEFT_OUT_MS }, 'cached prefixes fail repeatedly; requests run with their whole histories for a while');
  }

  #report(kind: Kind, leased: readonly LeasedWork[]): void {
    const sum = (of: (lease: PrefixLease) => number) => leased.reduce((total, { lease }) => total + of(lease), 0);
    this.counts[kind === 'prefill' ? 'misses' : 'hits'] += leased.length;
    if (kind === 'prefill') return this.#options.onUse({ misses: leased.length, bytes: this.bytes });
    this.#options.onUse({ hits: leased.length, steps: sum(({ missing }) => missing), savedTokens: sum(({ reused }) => reused), bytes: this.bytes });
  }
}

function stepsKind(missing: number): string {
  return missing === 1 ? 'step' : 'steps';
}

function prefillKind(length: number): string {
  return `prefill|${lengthBucket(length)}`;
}

function longest(leased: readonly LeasedWork[], what: 'missing' | 'tokens'): number {
  return leased.reduce((most, { lease }) => Math.max(most, what === 'missing' ? lease.missing : lease.tokens.length), 1);
}
