import { ArrivalRate } from '../batching/index.ts';

const SMOOTHING = 0.05;
/** Backlogs below this say nothing of how the expected wait relates to the real one, ms. */
const TELLING_WAIT_MS = 2;
const LEAST_FACTOR = 0.5;
const MOST_FACTOR = 8;
/** Without news a correction fades to none: it may have kept away the very work that would correct it. */
const FADE_MS = 2_000;

/** How fast the quickest way follows when ways get longer. */
const LOW_DRIFT = 0.05;

/** What was given out in vain is remembered for about so long, ms. */
const LOSS_TAU_MS = 500;
/** Fewer within that time are chance. */
const FEWEST_LOSSES = 2;
/** So many times its share of what comes back: with a tenth of it lost nothing is taken off the backlog any more. */
const LOSS_WEIGHT = 10;

/** What came back of a step, against what the backlog had said. */
export interface CameBack {
  /** The backlog's own estimate, before any correction, ms. */
  backlogMs: number;
  /** From dispatch until the batch began, ms. */
  queueMs: number;
  /** From the batch's end until the scheduler heard of it, ms. */
  returnMs: number;
  /** Expected until heard of, ms. */
  expectedMs: number;
  /** Real, ms. */
  actualMs: number;
}

/**
 * What is between scheduler and workers beside the backlog, learnt from each step that comes back: the ways there and back, how much
 * longer or shorter waits are than the backlog says, and how far expectations are off (moving means and mean deviation, as RFC 6298).
 */
export class Way {
  /** To the worker, nothing waiting there, ms. */
  #thereMs = 0;
  #backMs = 0;
  /** There and back, nothing waiting: of late the quickest, ms. */
  #quickestMs = 0;
  #factor = 1;
  #deviationMs = 0;
  #heardAt = -Infinity;
  readonly #done = new ArrivalRate(LOSS_TAU_MS);
  readonly #lost = new ArrivalRate(LOSS_TAU_MS);
  /** Of the last moment that was asked for: each decision asks several times for its own. */
  readonly #faded = { heardAt: NaN, now: NaN, share: 1 };

  cameBack({ backlogMs, queueMs, returnMs, expectedMs, actualMs }: CameBack, now: number): void {
    const factor = this.#factorAt(now);
    this.#done.add(now);
    if (backlogMs < TELLING_WAIT_MS) this.#there(queueMs, returnMs, now);
    else this.#factor = clamp(factor + SMOOTHING * (Math.max(0, queueMs - this.#thereMs) / backlogMs - factor));
    this.#backMs += SMOOTHING * (returnMs - this.#backMs);
    this.#deviationMs += SMOOTHING * (Math.abs(actualMs - expectedMs) - this.#deviationMs);
    this.#heardAt = now;
  }

  /** A step expired at the workers, or came back too late. */
  lost(now: number): void {
    this.#lost.add(now);
  }

  #there(queueMs: number, returnMs: number, now: number): void {
    const quickestMs = this.#quickestAt(now);
    this.#thereMs += SMOOTHING * (queueMs - this.#thereMs);
    this.#quickestMs = Math.min(queueMs + returnMs, quickestMs + LOW_DRIFT * Math.max(0, queueMs + returnMs - quickestMs));
  }

  /**
   * The least that a step can be expected to take beside its batch, ms. Work is refused by it: means will not do there, since after one
   * hiccup they would refuse everything, and nothing would correct them. Nor does it count that waits have lately been longer than the backlog
   * said: after a stall of the machine that refused a twentieth of what then was in time; under overload the backlog says enough (simulated, the same
   * goodput with and without).
   */
  soonestMs(backlogMs: number, now: number): number {
    return this.#quickestAt(now) + this.#leastFactor(now) * backlogMs;
  }

  /**
   * What is in time has waited for less than the backlog said where the rest of it expired: taken at its word, that admits still more, until all that
   * is admitted waits for its deadline, and half of what is computed comes too late. Simulated at 2.9 times the capacity: 2,200 of 4,600 in time, with
   * losses weighed in 4,300. Without any it is true (what is on its way waits for nobody): with ways of 8 ms, a fifth of the goodput.
   */
  #leastFactor(now: number): number {
    const factor = this.#factorAt(now);
    if (factor >= 1) return 1;
    const lost = this.#lost.at(now);
    return lost * LOSS_TAU_MS < FEWEST_LOSSES ? factor : Math.min(1, factor + (LOSS_WEIGHT * lost) / (lost + this.#done.at(now)));
  }

  /** From dispatch until the batch begins, ms. */
  queueMs(backlogMs: number, now: number): number {
    return this.#thereMs + this.#factorAt(now) * backlogMs;
  }

  /** Of late, from the batch's end until heard of, ms: without news it fades, as it may have kept away the very work that would correct it. */
  usualBackMs(now: number): number {
    return this.#backMs * this.#fading(now);
  }

  get backMs(): number {
    return this.#backMs;
  }

  get deviationMs(): number {
    return this.#deviationMs;
  }

  #factorAt(now: number): number {
    return 1 + (this.#factor - 1) * this.#fading(now);
  }

  #quickestAt(now: number): number {
    return this.#quickestMs * this.#fading(now);
  }

  #fading(now: number): number {
    const known = this.#faded;
    if (known.now === now && known.heardAt === this.#heardAt) return known.share;
    known.heardAt = this.#heardAt;
    known.now = now;
    return (known.share = Math.exp((this.#heardAt - now) / FADE_MS));
  }
}

function clamp(factor: number): number {
  return Math.max(LEAST_FACTOR, Math.min(MOST_FACTOR, factor));
}

/** Tiers wait differently: those that come later may overtake. */
export class Ways {
  readonly #byTier = new Map<string, Way>();

  /** @param tier one of those that have a weight */
  of(tier: string): Way {
    const known = this.#byTier.get(tier);
    if (known !== undefined) return known;
    const way = new Way();
    this.#byTier.set(tier, way);
    return way;
  }
}
