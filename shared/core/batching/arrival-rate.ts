/** How often something arrives, forgetting with a time constant: each arrival counts exp(−age/τ), their sum over τ is the rate. */
export class ArrivalRate {
  readonly #tauMs: number;
  #weight = 0;
  #at = 0;

  constructor(tauMs = 1_000) {
    this.#tauMs = tauMs;
  }

  add(now: number, count = 1): void {
    this.#weight = this.#weightAt(now) + count;
    this.#at = now;
  }

  /** Arrivals per ms. */
  at(now: number): number {
    return this.#weightAt(now) / this.#tauMs;
  }

  #weightAt(now: number): number {
    // Losses mostly are none, and several things are counted at one moment.
    if (this.#weight === 0 || now <= this.#at) return this.#weight;
    return this.#weight * Math.exp(-(now - this.#at) / this.#tauMs);
  }
}
