import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, Random } from '@tandem/shared/clock';
import { seededRandom } from '@tandem/shared/random';

interface Timer {
  at: number;
  callback: () => void;
}

/** The beginning of time: recent enough that nothing is taken for a mistake. */
export const EPOCH = 1_800_000_000_000;

/**
 * Virtual time and a seeded order of events, in the way of FoundationDB's and TigerBeetle's simulations: whatever
 * could happen next, one is drawn by lot. The same seed gives the same run, event by event.
 */
export class World {
  readonly random: Random;
  readonly clock: Clock;
  #now = EPOCH;
  #ready: (() => void)[] = [];
  #timers: Timer[] = [];

  constructor(seed: number) {
    this.random = seededRandom(seed, 'world');
    this.clock = { now: () => this.#now, schedule: (at, callback) => this.#schedule(at, callback) };
  }

  /** ms since the beginning. */
  get elapsed(): number {
    return this.#now - EPOCH;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.random();
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** Runs it at once, in any order among others. */
  readonly defer = (callback: () => void): void => {
    this.#ready.push(callback);
  };

  later(durationMs: number, callback: () => void): void {
    this.#schedule(this.#now + durationMs, callback);
  }

  /** Until the condition holds or time is up; returns whether it held. */
  async run(done: () => boolean, limitMs: number): Promise<boolean> {
    const until = this.#now + limitMs;
    while (!done()) {
      const event = this.#next(until);
      if (event === undefined) return done();
      event();
      // Whatever the event has set off in promises comes first.
      await nextTurn();
    }
    return true;
  }

  #next(until: number): (() => void) | undefined {
    if (this.#ready.length > 0) {
      const [event] = this.#ready.splice(Math.floor(this.random() * this.#ready.length), 1);
      return event;
    }
    const first = this.#timers[0];
    if (first === undefined || first.at > until) return undefined;
    this.#timers.shift();
    this.#now = Math.max(this.#now, first.at);
    return first.callback;
  }

  #schedule(at: number, callback: () => void): () => void {
    const timer = { at: Math.max(at, this.#now), callback };
    let index = this.#timers.length;
    while (index > 0 && this.#timers[index - 1]!.at > timer.at) index -= 1;
    this.#timers.splice(index, 0, timer);
    return () => {
      const where = this.#timers.indexOf(timer);
      if (where >= 0) this.#timers.splice(where, 1);
    };
  }
}
