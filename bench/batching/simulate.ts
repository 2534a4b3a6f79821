import type { Random } from '@tandem/shared/clock';
import { lognormal } from '@tandem/shared/random';
import { Latencies } from '@tandem/shared/statistics';
import type { ArrivingRequest, Strategy } from './strategies.ts';

/** Of service times around the curve, as a standard deviation of their logarithm. */
const JITTER = 0.05;

export interface Outcome {
  /** Answered within the deadline, per second of arrivals. */
  goodputPerSecond: number;
  inTimeShare: number;
  /** Of all that were computed, late ones too; NaN where none was. */
  p50Ms: number;
  p99Ms: number;
  /** Computed, but too late to be of use: share of all. */
  lateShare: number;
  meanBatchSize: number;
}

export interface Stand {
  sessions: number;
  sloMs: number;
  /** Of one batch, ms. */
  timeOf: (size: number, length: number) => number;
  random: Random;
}

interface Running {
  batch: readonly ArrivingRequest[];
  endsAt: number;
  ms: number;
}

/** Runs arrivals through a strategy on sessions whose batches take what was measured, in virtual time. */
export function simulate(strategy: Strategy, arrivals: readonly ArrivingRequest[], stand: Stand): Outcome {
  const tally = new Tally(stand.sloMs);
  let running: Running[] = [];
  let arrived = 0;
  let wakeAt = Infinity;
  for (;;) {
    const now = Math.min(arrivals[arrived]?.at ?? Infinity, wakeAt, ...running.map(({ endsAt }) => endsAt));
    if (now === Infinity) return tally.outcome(arrivals);
    for (; arrived < arrivals.length && arrivals[arrived]!.at <= now; arrived += 1) strategy.add(arrivals[arrived]!);
    for (const one of running) if (one.endsAt <= now) strategy.ran(one.batch, one.ms, now);
    running = running.filter(({ endsAt }) => endsAt > now);
    wakeAt = Infinity;
    while (running.length < stand.sessions) {
      const { batch, waitUntil } = strategy.next(now);
      if (waitUntil !== undefined) wakeAt = Math.max(waitUntil, now + 1e-6);
      if (batch === undefined) break;
      const length = Math.max(...batch.map((request) => request.length));
      const ms = stand.timeOf(batch.length, length) * lognormal(stand.random, JITTER);
      running.push({ batch, ms, endsAt: now + ms });
      tally.add(batch, now + ms);
    }
  }
}

class Tally {
  readonly #latencies = new Latencies();
  readonly #sloMs: number;
  #inTime = 0;
  #computed = 0;
  #batches = 0;

  constructor(sloMs: number) {
    this.#sloMs = sloMs;
  }

  add(batch: readonly ArrivingRequest[], endsAt: number): void {
    this.#batches += 1;
    this.#computed += batch.length;
    for (const { at } of batch) {
      this.#latencies.add(endsAt - at);
      if (endsAt - at <= this.#sloMs) this.#inTime += 1;
    }
  }

  outcome(arrivals: readonly ArrivingRequest[]): Outcome {
    const seconds = (arrivals.at(-1)?.at ?? 0) / 1_000;
    return {
      goodputPerSecond: this.#inTime / seconds,
      inTimeShare: this.#inTime / arrivals.length,
      p50Ms: this.#latencies.percentile(50),
      p99Ms: this.#latencies.percentile(99),
      lateShare: (this.#computed - this.#inTime) / arrivals.length,
      meanBatchSize: this.#computed / this.#batches,
    };
  }
}
