import type { BatchTimePoint, Lane, Variant, VariantLoad, Work } from '@tandem/schemas';
import type { Random } from '@tandem/shared/clock';
import { BatchTimeModel, batchMs, CircuitBreaker, driftOf, lengthBucket, refined, type Adapter } from '@tandem/shared/core';
import type { LoadedVariant } from '@tandem/shared/engine';
import { variantName } from '@tandem/shared/registry';
import { PrefixCosts } from './prefix-costs.ts';
import type { UserPrefixes } from './user-prefixes.ts';

/** Weight of the newest batch in the recent means. */
const SMOOTHING = 0.1;

/** What a request costs is taken from batches of this size. */
const FULL_BATCH = 32;

/** What fewer batches say of a size is not passed on. */
const FEWEST_SAMPLES = 3;

export interface ServedVariantOptions {
  random?: Random | undefined;
  prefixes?: UserPrefixes | undefined;
  profiled?: readonly BatchTimePoint[];
  /** What loading it took, ms. @default 0 */
  reloadMs?: number;
}

/** A variant that this worker serves, and how it is doing. */
export class ServedVariant {
  #loaded: LoadedVariant;
  readonly adapter: Adapter;
  readonly name: string;
  #prefixes: UserPrefixes | undefined;
  #refused: VariantLoad['refused'];
  queued = 0;
  /** Of them, in the bulk lane. */
  bulkQueued = 0;
  running = 0;
  /** Of `running`: on sessions that give way to all others, so that nobody waits for them. */
  runningInBackground = 0;
  completed = 0;
  bulkCompleted = 0;
  failed = 0;
  /** Of the interactive lane. */
  expired = 0;
  /** Waits until the variant is in memory. */
  held = 0;
  /** What loading it took of late, ms. */
  reloadMs: number;
  #isLoaded = true;
  #meanBatchSize = 0;
  #meanBatchMs = 0;
  #meanQueueMs: number | undefined;
  /** Of the mix that runs here, whatever graph and length. */
  readonly #times = new BatchTimeModel();

  readonly #prefixCosts = new PrefixCosts();

  readonly breaker: CircuitBreaker;

  /** What batches took when this hardware was profiled; empty: it has not been. */
  readonly #profiled: readonly BatchTimePoint[];

  constructor(loaded: LoadedVariant, adapter: Adapter, { random = Math.random, prefixes, profiled = [], reloadMs = 0 }: ServedVariantOptions = {}) {
    this.reloadMs = reloadMs;
    this.#prefixes = prefixes;
    this.#profiled = profiled;
    this.breaker = new CircuitBreaker({ random });
    this.#loaded = loaded;
    this.adapter = adapter;
    this.name = variantName(loaded.variant);
  }

  get loaded(): LoadedVariant {
    return this.#loaded;
  }

  /** Undefined: every request computes its whole history. */
  get prefixes(): UserPrefixes | undefined {
    return this.#prefixes;
  }

  get variant(): Variant {
    return this.#loaded.variant;
  }

  /** Another version takes over; between batches only. @returns the one before, to be unloaded */
  replace(loaded: LoadedVariant, prefixes: UserPrefixes | undefined): LoadedVariant {
    const before = this.#loaded;
    this.#loaded = loaded;
    this.#prefixes = prefixes;
    this.#refused = undefined;
    this.#isLoaded = true;
    return before;
  }

  /** Not in memory: no work may be run until `replace`. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** It is going to be unloaded; only while nothing of it waits or runs. @returns what is to be unloaded */
  putAway(): LoadedVariant {
    this.#isLoaded = false;
    this.#prefixes = undefined;
    return this.#loaded;
  }

  /** One request's share of a full batch, ms; 0 where nothing is known. */
  get costMs(): number {
    return (batchMs(refined(this.#profiled, this.#measured(), 1), FULL_BATCH) ?? 0) / FULL_BATCH;
  }

  /** What operators want is what serves. */
  reloaded(): void {
    this.#refused = undefined;
  }

  /** A version that operators want could not be taken, for heartbeats. */
  refused(version: string, reason: string): void {
    this.#refused = { version, reason };
  }

  /**
   * Which graph answers a piece of work without a cache, and the group of work that it can share a batch with.
   * @throws what the adapter throws on work that it cannot even measure
   */
  place(work: Work): { graph: string; group: string } {
    const { graph, length } = this.adapter.shape(work, this.variant);
    return { graph, group: this.groupOf(graph, this.prefixes?.kindOf(work, graph) ?? String(lengthBucket(length))) };
  }

  groupOf(graph: string, kind: string): string {
    return `${this.name}|${graph}|${kind}`;
  }

  /**
   * @param queueMs the longest, of its requests, from dispatch until it began
   * @param kind of run, as `RanBatch` has it
   */
  batchDone(size: number, computeMs: number, queueMs: number, now: number, kind?: string): void {
    this.#prefixCosts.ran(kind, computeMs / size);
    this.#times.observe(this.name, size, computeMs, now);
    this.#meanQueueMs = this.#meanQueueMs === undefined ? queueMs : this.#meanQueueMs + SMOOTHING * (queueMs - this.#meanQueueMs);
    const isFirst = this.#meanBatchSize === 0;
    this.#meanBatchSize = isFirst ? size : this.#meanBatchSize + SMOOTHING * (size - this.#meanBatchSize);
    this.#meanBatchMs = isFirst ? computeMs : this.#meanBatchMs + SMOOTHING * (computeMs - this.#meanBatchMs);
  }

  /** What its batches take now, of what the profile says; undefined: too few have run, or there is no profile. */
  get drift(): number | undefined {
    return driftOf(this.#profiled, this.#measured());
  }

  #measured(): BatchTimePoint[] {
    return this.#times.points(this.name, FEWEST_SAMPLES);
  }

  /**
   * @param unread records of its topics that have not been delivered here, by lane
   * @param drift of its model's batches, also where this precision has run too few
   */
  load(now: number, unread: Readonly<Record<Lane, number>>, drift?: number): VariantLoad {
    const { model, precision, version } = this.variant;
    const batchTimes = refined(this.#profiled, this.#measured(), drift ?? 1).map(({ size, ms, samples }) => ({ size: rounded(size), ms: rounded(ms), samples }));
    return {
      model, precision, version,
      queued: this.queued + this.held,
      bulkQueued: this.bulkQueued,
      bulkBacklog: this.bulkQueued + unread.bulk,
      unread: unread.interactive,
      expired: this.expired,
      breaker: this.breaker.state(now),
      running: Math.max(0, this.running - this.runningInBackground),
      ...(this.runningInBackground === 0 ? {} : { bulkRunning: this.runningInBackground }),
      completed: this.completed,
      bulkCompleted: this.bulkCompleted,
      failed: this.failed,
      meanBatchSize: this.#meanBatchSize,
      meanBatchMs: this.#meanBatchMs,
      ...(batchTimes.length === 0 ? {} : { batchTimes }),
      ...(this.prefixes === undefined ? {} : { prefixes: { ...this.prefixes.counts, ...this.#prefixCosts.missing } }),
      ...(drift === undefined ? {} : { drift: rounded(drift) }),
      ...(this.#refused === undefined ? {} : { refused: this.#refused }),
      ...(this.#isLoaded ? {} : { unloaded: { reloadMs: rounded(this.reloadMs) } }),
      ...(this.#meanQueueMs === undefined ? {} : { meanQueueMs: rounded(this.#meanQueueMs) }),
    };
  }
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
