/** An exponential mean over about `windowMs` of a value that is looked at now and then. */
export class Smoothed {
  readonly #windowMs: number;
  #at: number | undefined;
  #value = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  get value(): number {
    return this.#value;
  }

  /** @param now epoch ms, not before the last */
  update(value: number, now: number): void {
    const weight = this.#at === undefined ? 1 : 1 - Math.exp(-(now - this.#at) / this.#windowMs);
    this.#value += weight * (value - this.#value);
    this.#at = now;
  }
}

/** The recent rate of a changing count, per second. */
export class SmoothedRate {
  readonly #mean: Smoothed;
  #last: { at: number; count: number } | undefined;

  constructor(windowMs: number) {
    this.#mean = new Smoothed(windowMs);
  }

  get perSecond(): number {
    return this.#mean.value;
  }

  /** @param now epoch ms; what is told twice in one moment counts with the next */
  update(count: number, now: number): void {
    const last = (this.#last ??= { at: now, count });
    if (now <= last.at) return;
    this.#mean.update((1_000 * (count - last.count)) / (now - last.at), now);
    this.#last = { at: now, count };
  }
}
