/** Until one has been measured: what a worker takes from its launch until it serves. */
const GUESS_MS = 3_000;
const SMOOTHING = 0.5;

/** What workers take from their launch until they serve: the moving mean of those that were seen to. */
export class StartTimes {
  #meanMs: number | undefined;

  add(tookMs: number): void {
    this.#meanMs = this.#meanMs === undefined ? tookMs : this.#meanMs + SMOOTHING * (tookMs - this.#meanMs);
  }

  get expectedMs(): number {
    return this.#meanMs ?? GUESS_MS;
  }
}
