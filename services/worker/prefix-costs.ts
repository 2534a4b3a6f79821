const SMOOTHING = 0.1;
/** Fewer runs of a kind say nothing. */
const FEWEST_RUNS = 5;

class Mean {
  #runs = 0;
  #ms = 0;

  add(ms: number): void {
    this.#ms = this.#runs === 0 ? ms : this.#ms + SMOOTHING * (ms - this.#ms);
    this.#runs += 1;
  }

  get known(): number | undefined {
    return this.#runs < FEWEST_RUNS ? undefined : this.#ms;
  }
}

/** What requests cost that go on from a user's prefix, and those that have to build it. */
export class PrefixCosts {
  readonly #hit = new Mean();
  readonly #miss = new Mean();

  /** @param kind of run, as `RanBatch` has it  @param ms of compute, one request's share */
  ran(kind: string | undefined, ms: number): void {
    if (kind === undefined) return;
    if (kind.startsWith('step')) this.#hit.add(ms);
    else if (kind.startsWith('prefill')) this.#miss.add(ms);
  }

  /** What a miss costs more than a hit, for heartbeats; empty: not known, or nothing. */
  get missing(): { missMs?: number } {
    const [hit, miss] = [this.#hit.known, this.#miss.known];
    if (hit === undefined || miss === undefined || miss <= hit) return {};
    return { missMs: Math.round((miss - hit) * 1_000) / 1_000 };
  }
}
