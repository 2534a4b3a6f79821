/** Tokens that are remembered. */
const NEWEST = 64;

/** The least that a token has taken lately, ms: what can be hoped for, not what is likely. */
export class FastestToken {
  readonly #newest = new Float64Array(NEWEST).fill(Infinity);
  #count = 0;

  observe(ms: number): void {
    this.#newest[this.#count % NEWEST] = ms;
    this.#count += 1;
  }

  /** 0 until enough is known. */
  get ms(): number {
    return this.#count < NEWEST ? 0 : Math.min(...this.#newest);
  }
}
