import type { Clock } from './types.ts';

interface Timer {
  at: number;
  callback: () => void;
}

/** Virtual time: it moves only when told to. For tests and the simulator. */
export class ManualClock implements Clock {
  #now: number;
  readonly #timers = new Set<Timer>();

  constructor(now = 0) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  schedule(at: number, callback: () => void): () => void {
    const timer = { at, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that have not been called. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves time on and calls what became due, earliest first. */
  advance(durationMs: number): void {
    const until = this.#now + durationMs;
    for (let due = this.#nextDue(until); due !== undefined; due = this.#nextDue(until)) {
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.callback();
    }
    this.#now = until;
  }

  #nextDue(until: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer;
    return next;
  }
}
