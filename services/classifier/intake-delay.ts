/** A mean of fewer requests, in a span, says nothing. */
const LEAST_REQUESTS = 20;
const SPAN_MS = 500;
/** What was measured longer ago says nothing of now. */
const STALE_MS = 2_000;
/** The luckiest request is that of one to two such times: clocks drift, and leaders move. */
const LUCK_MS = 60_000;

/**
 * What requests wait for the classifier, on average over half a second, beyond what the luckiest of them did in the last minute or two. The difference
 * holds whatever the clocks of broker and classifier say, and however far apart they are; under any load that can be borne some request finds nothing in its way.
 */
export class IntakeDelay {
  #sum = 0;
  #count = 0;
  #spanFrom = -Infinity;
  #mean: { at: number; ms: number } | undefined;
  #luckiest = Infinity;
  #luckiestBefore = Infinity;
  #luckFrom = -Infinity;

  /** @param ageMs from the broker's append time until now; may be off, and below 0, by what clocks differ */
  heard(ageMs: number, now: number): void {
    if (now - this.#luckFrom >= LUCK_MS) {
      this.#luckiestBefore = this.#luckiest;
      this.#luckiest = Infinity;
      this.#luckFrom = now;
    }
    if (ageMs < this.#luckiest) this.#luckiest = ageMs;
    this.#sum += ageMs;
    this.#count += 1;
  }

  /** Undefined: too few requests come to know. */
  excessMs(now: number): number | undefined {
    if (now - this.#spanFrom >= SPAN_MS) {
      if (this.#count >= LEAST_REQUESTS) this.#mean = { at: now, ms: this.#sum / this.#count };
      [this.#sum, this.#count, this.#spanFrom] = [0, 0, now];
    }
    if (this.#mean === undefined || now - this.#mean.at > STALE_MS) return undefined;
    return Math.max(0, this.#mean.ms - Math.min(this.#luckiest, this.#luckiestBefore));
  }
}
