import type { Variant, VariantLoad } from '@tandem/schemas';
import type { Random } from '@tandem/shared/clock';
import { CircuitBreaker, type Adapter } from '@tandem/shared/core';
import type { LoadedVariant } from '@tandem/shared/engine';
import { variantName } from '@tandem/shared/registry';

/** Weight of the newest batch in the recent means. */
const SMOOTHING = 0.1;

/** A variant that this worker serves, and how it is doing. */
export class ServedVariant {
  readonly loaded: LoadedVariant;
  readonly adapter: Adapter;
  readonly name: string;
  queued = 0;
  /** Of them, in the bulk lane. */
  bulkQueued = 0;
  running = 0;
  completed = 0;
  bulkCompleted = 0;
  failed = 0;
  #meanBatchSize = 0;
  #meanBatchMs = 0;

  readonly breaker: CircuitBreaker;

  constructor(loaded: LoadedVariant, adapter: Adapter, random: Random = Math.random) {
    this.breaker = new CircuitBreaker({ random });
    this.loaded = loaded;
    this.adapter = adapter;
    this.name = variantName(loaded.variant);
  }

  get variant(): Variant {
    return this.loaded.variant;
  }

  batchDone(size: number, computeMs: number): void {
    const isFirst = this.#meanBatchSize === 0;
    this.#meanBatchSize = isFirst ? size : this.#meanBatchSize + SMOOTHING * (size - this.#meanBatchSize);
    this.#meanBatchMs = isFirst ? computeMs : this.#meanBatchMs + SMOOTHING * (computeMs - this.#meanBatchMs);
  }

  /** @param bulkLag records of its bulk topics that have not been delivered here */
  load(now: number, bulkLag: number): VariantLoad {
    const { model, precision, version } = this.variant;
    return {
      model, precision, version,
      queued: this.queued,
      bulkBacklog: this.bulkQueued + bulkLag,
      breaker: this.breaker.state(now),
      running: this.running,
      completed: this.completed,
      bulkCompleted: this.bulkCompleted,
      failed: this.failed,
      meanBatchSize: this.#meanBatchSize,
      meanBatchMs: this.#meanBatchMs,
    };
  }
}
