/** As workers keep them, unless told otherwise (setting prefixIdleMs). */
const LIVES_MS = 600_000;
const MOST_ENTRIES = 100_000;

interface Held {
  precision: string;
  at: number;
}

/** At which precision of a model each user's prefix lives, as far as this scheduler has given out the user's work. */
export class LivePrefixes {
  /** By model and affinity key; oldest first. */
  readonly #held = new Map<string, Held>();

  /** @param now epoch ms, never before that of an earlier call */
  used(model: string, key: string, precision: string, now: number): void {
    const name = `${model} ${key}`;
    this.#held.delete(name);
    this.#held.set(name, { precision, at: now });
    for (const [oldest, { at }] of this.#held) {
      if (this.#held.size <= MOST_ENTRIES && now - at < LIVES_MS) return;
      this.#held.delete(oldest);
    }
  }

  /** The user's prefix lives at another precision: it is lost to this one. */
  isElsewhere(model: string, key: string, precision: string, now: number): boolean {
    const held = this.#held.get(`${model} ${key}`);
    return held !== undefined && held.precision !== precision && now - held.at < LIVES_MS;
  }
}
