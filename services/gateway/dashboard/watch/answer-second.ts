import type { Response, ResponseStep, Status } from '@tandem/schemas';
import { Times } from './window.ts';

/** What a variant did for the answers of one second. */
export interface VariantSecond {
  steps: number;
  /** Of batches of n, each step is 1/n. */
  batches: number;
  /** The step's part of its batch, ms. */
  computeMs: number;
  queue: Times;
}

/** One second of answers, as far as they were looked into. */
export class AnswerSecond {
  /** All that came. */
  seen = 0;
  /** Those that were looked into. */
  sampled = 0;
  readonly latency = new Times();
  latencyMs = 0;
  queueMs = 0;
  /** What requests waited for: a batch takes its time for each of its requests. */
  computeMs = 0;
  /** Steps that could be answered with a kept result, and those that were. */
  cached = 0;
  readonly statuses = new Map<Status, number>();
  readonly reasons = new Map<string, number>();
  readonly variants = new Map<string, VariantSecond>();
  /** The workloads' answers. */
  readonly workloads = new Map<string, number>();

  add(response: Response): void {
    const { status, reason, latencyMs, steps, workload } = response;
    this.sampled += 1;
    this.latency.add(latencyMs);
    this.latencyMs += latencyMs;
    increment(this.statuses, status);
    increment(this.workloads, workload);
    if (status !== 'complete' || reason !== undefined) increment(this.reasons, `${status} ${reason ?? response.error?.code ?? 'none'}`);
    for (const step of steps) this.#step(step);
  }

  #step(step: ResponseStep): void {
    if (step.cached === true) this.cached += 1;
    if (step.batchSize <= 0) return;
    const variant = this.#variant(`${step.model}.${step.precision}`);
    variant.steps += 1;
    variant.batches += 1 / step.batchSize;
    variant.computeMs += step.computeMs / step.batchSize;
    variant.queue.add(step.queueMs);
    this.queueMs += step.queueMs;
    this.computeMs += step.computeMs;
  }

  #variant(name: string): VariantSecond {
    let variant = this.variants.get(name);
    if (variant === undefined) this.variants.set(name, variant = { steps: 0, batches: 0, computeMs: 0, queue: new Times() });
    return variant;
  }
}

function increment<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
