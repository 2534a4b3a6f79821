import type { Variant, VariantLoad } from '@tandem/schemas';
import type { Random } from '@tandem/shared/clock';
import { driftOf, refined, type BatchTimeModel, type CircuitBreaker, type QueuedWork } from '@tandem/shared/core';
import type { ServiceTimes } from '../model/service-times.ts';
import type { WorkKind } from '../spec.ts';
import type { SimWork } from './sim-request.ts';

/** Weight of the newest batch in the recent means, as workers have it. */
const SMOOTHING = 0.1;
const FEWEST_SAMPLES = 3;
const PROFILED_SIZES = [1, 2, 4, 8, 16, 32];

/** A variant that a worker serves, and how it is doing. */
export class ServedVariant {
  readonly name: string;
  readonly variant: Variant;
  readonly breaker: CircuitBreaker;
  queued = 0;
  running = 0;
  failed = 0;
  #bulkQueued = 0;
  #expired = 0;
  #completed = 0;
  #bulkCompleted = 0;
  #meanBatchSize = 0;
  #meanBatchMs = 0;
  #meanQueueMs: number | undefined;
  readonly #kinds: readonly WorkKind[];
  readonly #groups: readonly string[];
  readonly #times = new Map<string, ServiceTimes>();
  readonly #total: number;

  constructor(variant: Variant, kinds: readonly WorkKind[], breaker: CircuitBreaker) {
    this.variant = variant;
    this.name = `${variant.model}.${variant.precision}`;
    this.breaker = breaker;
    this.#kinds = kinds;
    this.#groups = kinds.map((kind) => [this.name, kind.name].join('|'));
    this.#total = kinds.reduce((sum, { share }) => sum + share, 0);
    kinds.forEach(({ times }, index) => this.#times.set(this.#groups[index]!, times));
  }

  /** Of a piece of work: what it may share a batch with. */
  groupOf(random: Random): string {
    if (this.#kinds.length === 1) return this.#groups[0]!;
    let left = random() * this.#total;
    const index = this.#kinds.findIndex(({ share }) => (left -= share) < 0);
    return this.#groups[index === -1 ? 0 : index]!;
  }

  timesOf(group: string): ServiceTimes {
    return this.#times.get(group)!;
  }

  enqueued({ request: { task: { lane } } }: SimWork): void {
    this.queued += 1;
    if (lane === 'bulk') this.#bulkQueued += 1;
  }

  dequeued({ request: { task: { lane } } }: SimWork): void {
    this.queued -= 1;
    if (lane === 'bulk') this.#bulkQueued -= 1;
  }

  expired({ request: { task: { lane } } }: SimWork): void {
    if (lane !== 'bulk') this.#expired += 1;
  }

  /** Its process has gone, and all that waited and ran there. */
  died(): void {
    this.queued = this.running = this.#bulkQueued = 0;
  }

  ran({ size, computeMs }: { size: number; computeMs: number }, work: readonly QueuedWork<SimWork>[], now: number): void {
    this.#completed += size;
    if (work[0]!.lane === 'bulk') this.#bulkCompleted += size;
    const queueMs = work.reduce((sum, { payload }) => sum + now - computeMs - payload.dispatchedAt, 0) / size;
    const mean = (before: number, value: number) => before + SMOOTHING * (value - before);
    this.#meanQueueMs = this.#meanQueueMs === undefined ? queueMs : mean(this.#meanQueueMs, queueMs);
    this.#meanBatchSize = this.#meanBatchSize === 0 ? size : mean(this.#meanBatchSize, size);
    this.#meanBatchMs = this.#meanBatchMs === 0 ? computeMs : mean(this.#meanBatchMs, computeMs);
  }

  load(now: number, measured: BatchTimeModel): VariantLoad {
    const { model, precision, version } = this.variant;
    return {
      model, precision, version,
      queued: this.queued, bulkQueued: this.#bulkQueued, running: this.running, completed: this.#completed, bulkCompleted: this.#bulkCompleted, failed: this.failed, expired: this.#expired,
      breaker: this.breaker.state(now),
      meanBatchSize: this.#meanBatchSize,
      meanBatchMs: this.#meanBatchMs,
      batchTimes: this.#curve(measured),
      ...(this.#meanQueueMs === undefined ? {} : { meanQueueMs: this.#meanQueueMs }),
    };
  }

  /** Of what is mostly run here, as workers have it: the profile stands for sizes that have not been measured yet. */
  #curve(measured: BatchTimeModel): VariantLoad['batchTimes'] & object {
    const most = this.#kinds.reduce((best, kind, index) => (kind.share > this.#kinds[best]!.share ? index : best), 0);
    const points = measured.points(this.#groups[most]!, FEWEST_SAMPLES);
    const { times } = this.#kinds[most]!;
    const profiled = PROFILED_SIZES.map((size) => ({ size, ms: times.mean(size), samples: FEWEST_SAMPLES }));
    return refined(profiled, points, driftOf(profiled, points) ?? 1);
  }
}
