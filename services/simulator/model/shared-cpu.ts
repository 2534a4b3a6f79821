import { ArrivalRate } from '@tandem/shared/core';

/** What the stages' threads have needed lately is taken for what they need now. */
const STAGE_TAU_MS = 200;

/**
 * The cores that sessions and stages of one machine share, as a fair scheduler gives them out: where they are short nobody gets more than an equal share,
 * and whoever needs less has all that it needs (max-min fairness). So threads that read, decide and refuse, which mostly wait, take their part first, and
 * sessions, which would compute all the time, share what is left.
 * Sessions count while they run; stages, whose pieces are short, by what they have needed lately.
 */
export class SharedCpu {
  readonly #cores: number;
  readonly #background: readonly number[];
  readonly #backgroundCores: number;
  readonly #stages = new ArrivalRate(STAGE_TAU_MS);
  #running = 0;
  #busyMs = 0;
  #since = 0;
  #reported = 0;

  /** @param background of each that others run there all the time: cores that it needs */
  constructor(cores: number, background: readonly number[] = []) {
    this.#cores = cores;
    this.#background = background;
    this.#backgroundCores = background.reduce((sum, one) => sum + one, 0);
  }

  /** By which factor a batch that begins now is slowed down. */
  slowdown(now: number): number {
    return Math.max(1, 1 / this.#fairShare(this.#stages.at(now)));
  }

  /** By which factor a record is slowed down that a stage takes up now. */
  stageSlowdown(now: number): number {
    const needed = this.#stages.at(now);
    return Math.max(1, needed / this.#fairShare(needed));
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
    const busy = this.#busyMs - this.#reported + this.#backgroundCores * (now - this.#since);
    this.#since = now;
    this.#reported = this.#busyMs;
    return elapsed <= 0 ? 0 : Math.min(1, busy / elapsed);
  }

  /** Cores that nobody gets more than: it rises, as those who need less leave theirs to the others, until all cores are given out. */
  #fairShare(stages: number): number {
    if (this.#running + stages + this.#backgroundCores <= this.#cores) return Infinity;
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
    if (share < 1) more += this.#running;
    else left -= this.#running;
    return more === 0 ? share : left / more;
  }
}
