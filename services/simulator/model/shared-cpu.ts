import { ArrivalRate } from '@tandem/shared/core';
import type { EventLoop, Handler } from '../time/event-loop.ts';

/** What the stages' threads have needed lately is taken for what they need now. */
const STAGE_TAU_MS = 200;

/** A batch that computes. */
export interface Computation {
  /** That it takes with a core of its own, ms. */
  readonly aloneMs: number;
  /** Of that, as of the last change of shares. */
  leftMs: number;
  /** By the shares as they are. */
  endsAt: number;
  /** When it is looked at next; NaN: it has ended. */
  eventAt: number;
  readonly done: Handler<never, never>;
  readonly first: unknown;
  readonly second: unknown;
}

/**
 * The cores that sessions and stages of one machine share, as a fair scheduler gives them out: where they are short nobody gets more than an equal share,
 * and whoever needs less has all that it needs (max-min fairness). So threads that read, decide and refuse, which mostly wait, take their part first, and
 * sessions, which would compute all the time, share what is left: whenever one begins or ends, the others get slower or faster (processor sharing).
 * Stages, whose pieces are short, count by what they have needed lately.
 */
export class SharedCpu {
  readonly #loop: EventLoop;
  readonly #cores: number;
  readonly #reportedCores: number;
  readonly #background: readonly number[];
  readonly #backgroundCores: number;
  readonly #stages = new ArrivalRate(STAGE_TAU_MS);
  readonly #running: Computation[] = [];
  /** Of a core, that each of the running has. */
  #share = 1;
  #sharedAt = 0;
  #busyMs = 0;
  #since = 0;
  #reported = 0;

  /**
   * @param cores Infinity: nobody ever waits for one
   * @param background of each that others run there all the time: cores that it needs
   * @param reported by which its use is told
   */
  constructor(loop: EventLoop, cores: number, background: readonly number[] = [], reported = cores) {
    this.#loop = loop;
    this.#cores = cores;
    this.#reportedCores = reported;
    this.#background = background;
    this.#backgroundCores = background.reduce((sum, one) => sum + one, 0);
  }

  /** By which factor a record is slowed down that a stage takes up now. */
  stageSlowdown(now: number): number {
    if (this.#cores === Infinity) return 1;
    const needed = this.#stages.at(now);
    return Math.max(1, needed / this.#fairShare(needed));
  }

  /** @param ms of one core */
  staged(ms: number, now: number): void {
    if (this.#cores !== Infinity) this.#stages.add(now, ms);
    this.#busyMs += ms;
  }

  /**
   * Calls when it is through.
   * @param aloneMs that it takes with a core of its own
   */
  compute<First, Second>(aloneMs: number, now: number, done: Handler<First, Second>, first: First, second: Second): Computation {
    const computation: Computation = { aloneMs, leftMs: aloneMs, endsAt: Infinity, eventAt: Infinity, done, first, second };
    this.#settle(now);
    this.#running.push(computation);
    if (!this.#reshare(now)) this.#plan(computation, now);
    return computation;
  }

  /** It is not heard of again. */
  abandon(computation: Computation, now: number): void {
    this.#leave(computation, now);
    this.#busyMs -= computation.leftMs;
  }

  /** Since it was asked before, 0..1. */
  use(now: number): number {
    const elapsed = (now - this.#since) * this.#reportedCores;
    const busy = this.#busyMs - this.#reported + this.#backgroundCores * (now - this.#since);
    this.#since = now;
    this.#reported = this.#busyMs;
    return elapsed <= 0 ? 0 : Math.min(1, busy / elapsed);
  }

  /** What has been computed since shares were given out last. */
  #settle(now: number): void {
    const ms = (now - this.#sharedAt) * this.#share;
    if (ms > 0) for (const one of this.#running) one.leftMs = Math.max(0, one.leftMs - ms);
    this.#sharedAt = now;
  }

  /** False: it is what it was. */
  #reshare(now: number): boolean {
    if (this.#cores === Infinity) return false;
    const share = Math.min(1, this.#fairShare(this.#stages.at(now)));
    if (share === this.#share) return false;
    this.#share = share;
    for (const one of this.#running) this.#plan(one, now);
    return true;
  }

  #plan(one: Computation, now: number): void {
    one.endsAt = now + one.leftMs / this.#share;
    if (one.endsAt < one.eventAt) this.#setEvent(one);
  }

  #setEvent(one: Computation): void {
    one.eventAt = one.endsAt;
    this.#loop.at(one.endsAt, this.#look, one, one.endsAt);
  }

  readonly #look = (one: Computation, at: number, now: number): void => {
    if (one.eventAt !== at) return;
    // It has got slower meanwhile.
    if (one.endsAt > now) return this.#setEvent(one);
    this.#leave(one, now);
    one.done(one.first as never, one.second as never, now);
  };

  #leave(one: Computation, now: number): void {
    this.#settle(now);
    this.#remove(one);
    one.eventAt = NaN;
    this.#busyMs += one.aloneMs;
    this.#reshare(now);
  }

  /** In their order, and without a list of what is taken out. */
  #remove(one: Computation): void {
    const running = this.#running;
    for (let at = running.indexOf(one) + 1; at < running.length; at += 1) running[at - 1] = running[at]!;
    running.pop();
  }

  /** Cores that nobody gets more than: it rises, as those who need less leave theirs to the others, until all cores are given out. */
  #fairShare(stages: number): number {
    if (this.#running.length + stages + this.#backgroundCores <= this.#cores) return Infinity;
    for (let share = 0; ; ) {
      const raised = this.#shared(share, stages);
      if (!(raised > share)) return share;
      share = raised;
    }
  }

  /** What each of those has who need more than a share, when the others have what they need. */
  #shared(share: number, stages: number): number {
    let [left, more] = [this.#cores, 0];
    for (const needed of this.#background) {
      if (needed > share) more += 1;
      else left -= needed;
    }
    if (stages > share) more += 1;
    else left -= stages;
    if (share < 1) more += this.#running.length;
    else left -= this.#running.length;
    return more === 0 ? share : left / more;
  }
}
