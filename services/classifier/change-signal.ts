import type { Clock } from '@tandem/shared/clock';

/** Lets several wait for the next change of a key, each for a bounded time. */
export class ChangeSignal {
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves at the key's next change, at `until` (epoch ms), or when it is cancelled. */
  next(key: string, until: number): { happened: Promise<void>; cancel: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiting);
    const finish = () => {
      cancelTimer();
      waiting.delete(finish);
      if (waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key);
      resolve();
    };
    const cancelTimer = this.#clock.schedule(until, finish);
    waiting.add(finish);
    return { happened: promise, cancel: finish };
  }

  changed(key: string): void {
    for (const finish of [...(this.#waiting.get(key) ?? [])]) finish();
  }

  /** Keys that are waited for. */
  get size(): number {
    return this.#waiting.size;
  }
}
