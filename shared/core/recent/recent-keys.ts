export interface RecentKeysOptions {
  /** @default 100000 */
  maxEntries?: number;
  /** @default 600000 */
  windowMs?: number;
}

/** Remembers keys for a while, the newest ones if they become too many. All operations O(1), amortised. */
export class RecentKeys {
  /** When each was last added, epoch ms; oldest first. */
  readonly #addedAt = new Map<string, number>();
  readonly #maxEntries: number;
  readonly #windowMs: number;

  constructor({ maxEntries = 100_000, windowMs = 600_000 }: RecentKeysOptions = {}) {
    this.#maxEntries = maxEntries;
    this.#windowMs = windowMs;
  }

  get size(): number {
    return this.#addedAt.size;
  }

  /** @param now epoch ms, never before that of an earlier call */
  add(key: string, now: number): void {
    this.#addedAt.delete(key);
    this.#addedAt.set(key, now);
    for (const [oldest, at] of this.#addedAt) {
      if (this.#addedAt.size <= this.#maxEntries && now - at < this.#windowMs) return;
      this.#addedAt.delete(oldest);
    }
  }

  has(key: string, now: number): boolean {
    const at = this.#addedAt.get(key);
    return at !== undefined && now - at < this.#windowMs;
  }
}
