import type { Clock } from '@tandem/shared/clock';
import { isOpen, type DailyWindow } from './window.ts';

export interface PaceOptions {
  clock: Clock;
  /** Per second. */
  rate: number | undefined;
  window: DailyWindow | undefined;
  /** Undefined: whatever the load. */
  idle: ((busyWithOurs: boolean) => boolean) | undefined;
}

/** Why nothing is sent now. */
export type Wait = 'in flight' | 'rate' | 'window' | 'load' | undefined;

/** What a late timer has held up is made up for; more would come as a burst. */
const BURST_MS = 200;

/** Says whether one more request may go. */
export class Pace {
  readonly #options: PaceOptions;
  #credit = 1;
  #creditAt: number;

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#creditAt = options.clock.now();
  }

  /** @returns what has to be waited for; undefined: send one, it is counted */
  take(outstanding: number): Wait {
    const { clock, window, idle } = this.#options;
    const now = clock.now();
    if (window !== undefined && !isOpen(window, new Date(now))) return 'window';
    if (idle?.(outstanding > 0) === false) return 'load';
    return this.#takeCredit(now) ? undefined : 'rate';
  }

  #takeCredit(now: number): boolean {
    const { rate } = this.#options;
    if (rate === undefined) return true;
    const earned = (Math.max(0, now - this.#creditAt) * rate) / 1_000;
    this.#credit = Math.min(this.#credit + earned, Math.max(1, (rate * BURST_MS) / 1_000));
    this.#creditAt = now;
    if (this.#credit < 1) return false;
    this.#credit -= 1;
    return true;
  }
}
