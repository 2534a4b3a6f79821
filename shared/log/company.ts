/** As many times the wait: what comes less often would wait in vain. */
const BUSY = 2;

/**
 * Whether to wait for company: where things come one after the other, a little waiting makes few large ones of many small
 * ones, and each costs; where they come now and then, it would only make them late.
 */
export class Company {
  readonly #gatherMs: number;
  #cameAt = -Infinity;
  #until = -Infinity;

  /** @param gatherMs how long to wait; 0: never */
  constructor(gatherMs: number) {
    this.#gatherMs = gatherMs;
  }

  /** Something came, or went. @param now ms, of any clock that does not go back */
  came(now: number): void {
    this.#until = now - this.#cameAt < BUSY * this.#gatherMs ? now + this.#gatherMs : -Infinity;
    this.#cameAt = now;
  }

  /** How long the next is to wait. */
  waitMs(now: number): number {
    return Math.max(0, this.#until - now);
  }
}
