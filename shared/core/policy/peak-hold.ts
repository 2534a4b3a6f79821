/** A peak is half forgotten after so long. */
const HALF_LIFE_MS = 1_500;

/** The recent peak of a value: rises at once, falls slowly. What was just too much is not tried again at the next moment. */
export class PeakHold {
  #value = 0;
  #at = -Infinity;

  /** @param now epoch ms, not before the last */
  update(value: number, now: number): number {
    const faded = this.#value * 0.5 ** ((now - this.#at) / HALF_LIFE_MS);
    this.#value = Math.max(value, faded);
    this.#at = now;
    return this.#value;
  }
}
