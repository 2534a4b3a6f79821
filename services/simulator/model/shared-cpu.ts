import { ArrivalRate } from '@tandem/shared/core';

/** What the stages' threads have needed lately is taken for what they need now. */
const STAGE_TAU_MS = 200;

/**
 * The cores that sessions and stages of one machine share. Processor sharing in the mean: with more demand than cores all go slower alike.
 * Sessions count while they run; stages, whose pieces are short, by what they have needed lately.
 */
export class SharedCpu {
  readonly #cores: number;
  readonly #stages = new ArrivalRate(STAGE_TAU_MS);
  #background = 0;
  #running = 0;
  #busyMs = 0;
  #since = 0;
  #reported = 0;

  /** @param background cores that others need all the time */
  constructor(cores: number, background = 0) {
    this.#cores = cores;
    this.#background = background;
  }

  /** By which factor a batch that begins now is slowed down. */
  slowdown(now: number): number {
    return Math.max(1, (this.#running + this.#background + this.#stages.at(now)) / this.#cores);
  }

  /** @param ms of one core */
  staged(ms: number, now: number): void {
    this.#stages.add(now, ms);
    this.#busyMs += ms;
  }

  began(): void {
    this.#running += 1;
  }

  /** @param ms it took */
  ended(ms: number): void {
    this.#running -= 1;
    this.#busyMs += ms;
  }

  /** Since it was asked before, 0..1. */
  use(now: number): number {
    const elapsed = (now - this.#since) * this.#cores;
    const busy = this.#busyMs - this.#reported + this.#background * (now - this.#since);
    this.#since = now;
    this.#reported = this.#busyMs;
    return elapsed <= 0 ? 0 : Math.min(1, busy / elapsed);
  }
}
