import { PlaceNames, type Verdict } from '@tandem/shared/core';
import { Latencies } from '@tandem/shared/statistics';
import type { SimRequest } from './flow/sim-request.ts';
import type { ScalingFigures } from './flow/sim-supervisor.ts';

/** What came of a simulated run. Rates are per second of the counted time, shares are of all requests that were offered in it. */
export interface SimulationFigures {
  offered: number;
  answered: number;
  offeredPerSecond: number;
  /** Complete answers within the SLO. */
  goodputPerSecond: number;
  inTimeShare: number;
  /** Complete, but behind the SLO. */
  lateShare: number;
  /** Of all steps that ran: their results came when their requests had been answered without them. */
  inVainShare: number;
  /** Answered with less than the plan, or without a result. */
  degradedShare: number;
  /** Of them without any result: shed or failed. */
  failedShare: number;
  /** Of complete answers; NaN where there is none. */
  p50Ms: number;
  p99Ms: number;
  meanMs: number;
  /** Of complete answers: the validated accuracy of the variant that gave it, as a share of the workload's best. */
  meanAccuracy: number;
  /** Steps that ran, by `model.precision`, as shares of all that ran. */
  variantShares: Record<string, number>;
  meanBatchSize: number;
  /** Session time per 1,000 requests, s. */
  sessionSecondsPer1000: number;
  /** Of each worker's sessions, 0..1. */
  utilisation: Record<string, number>;
  /** Mean number of requests under way. */
  meanUnderWay: number;
  /** Requests of which the same was answered twice, or never: 0 unless the simulator is wrong. */
  unanswered: number;
  doubled: number;
  /** Absent: the workers are always the same. */
  scaling?: ScalingFigures;
  /** Requests, events and how long it took to simulate them. */
  simulated: { requests: number; events: number; wallMs: number };
}

/** Counts answers of a simulated run. */
export class Tally {
  readonly #latencies = new Latencies();
  readonly #accuracyOf: (variant: string) => number;
  readonly #fromMs: number;
  readonly #variants = new Map<string, number>();
  readonly #names = new PlaceNames();
  #offered = 0;
  #answered = 0;
  #inTime = 0;
  #complete = 0;
  #failed = 0;
  #accuracy = 0;
  #latencyMs = 0;
  #underWayMs = 0;
  #steps = 0;
  #batchShare = 0;
  #doubled = 0;
  #ran = 0;
  #inVain = 0;
  requests = 0;
  unanswered = 0;

  /**
   * @param fromMs what was due before is not counted
   * @param accuracyOf a `model.precision`, as a share of the best
   */
  constructor(fromMs: number, accuracyOf: (variant: string) => number) {
    this.#fromMs = fromMs;
    this.#accuracyOf = accuracyOf;
  }

  offered(request: SimRequest): void {
    this.requests += 1;
    this.unanswered += 1;
    if (request.dueAt >= this.#fromMs) this.#offered += 1;
  }

  /** A step's result has come. */
  ran({ dueAt, answered }: SimRequest): void {
    if (dueAt < this.#fromMs) return;
    this.#ran += 1;
    if (answered) this.#inVain += 1;
  }

  /** @param at when its sender has it, ms */
  answered(request: SimRequest, { status, steps }: Pick<Verdict, 'status' | 'steps'>, at: number): void {
    const { dueAt, traffic: { sloMs } } = request;
    request.answers += 1;
    if (request.answers > 1) this.#doubled += 1;
    else this.unanswered -= 1;
    if (dueAt < this.#fromMs) return;
    const latencyMs = at - dueAt;
    this.#answered += 1;
    this.#underWayMs += latencyMs;
    let last = '';
    for (const { model, precision, batchSize } of steps) {
      if (batchSize === 0) continue;
      last = this.#names.of(model, precision, undefined);
      this.#steps += 1;
      this.#batchShare += 1 / batchSize;
      this.#variants.set(last, (this.#variants.get(last) ?? 0) + 1);
    }
    if (status === 'failed') this.#failed += 1;
    if (status !== 'complete') return;
    this.#complete += 1;
    this.#latencyMs += latencyMs;
    this.#accuracy += this.#accuracyOf(last);
    this.#latencies.add(latencyMs);
    if (latencyMs <= sloMs) this.#inTime += 1;
  }

  figures(seconds: number): Omit<SimulationFigures, 'utilisation' | 'sessionSecondsPer1000' | 'scaling' | 'simulated'> {
    const share = (count: number) => (this.#offered === 0 ? NaN : count / this.#offered);
    return {
      offered: this.#offered, answered: this.#answered, offeredPerSecond: this.#offered / seconds, goodputPerSecond: this.#inTime / seconds,
      inTimeShare: share(this.#inTime), lateShare: share(this.#complete - this.#inTime), inVainShare: this.#ran === 0 ? 0 : this.#inVain / this.#ran, degradedShare: share(this.#answered - this.#complete),
      failedShare: share(this.#failed), p50Ms: this.#latencies.percentile(50), p99Ms: this.#latencies.percentile(99), meanMs: this.#latencyMs / this.#complete,
      meanAccuracy: this.#accuracy / this.#complete,
      variantShares: Object.fromEntries([...this.#variants].sort().map(([name, count]) => [name, count / this.#steps])),
      meanBatchSize: this.#steps / this.#batchShare,
      meanUnderWay: this.#underWayMs / (seconds * 1_000),
      unanswered: this.unanswered, doubled: this.#doubled,
    };
  }
}
