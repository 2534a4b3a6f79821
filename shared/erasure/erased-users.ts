import { userHash } from '../cache/index.ts';

const MAX_ENTRIES = 100_000;

/** Users who were erased, and when: what is computed for their requests from before that, or answers them, is not kept. */
export class ErasedUsers {
  /** By hash of the user id: the broker's time of the erasure, epoch ms. */
  readonly #erasedAt = new Map<string, number>();
  readonly #keptMs: number;

  /** @param keptMs an erasure is remembered for so long; nothing from before an older one comes any more */
  constructor(keptMs: number) {
    this.#keptMs = keptMs;
  }

  /** False: known already. */
  add(user: string, erasedAt: number): boolean {
    if ((this.#erasedAt.get(user) ?? -Infinity) >= erasedAt) return false;
    this.#erasedAt.delete(user);
    this.#erasedAt.set(user, erasedAt);
    for (const [oldest, at] of this.#erasedAt) {
      if (this.#erasedAt.size <= MAX_ENTRIES && at > erasedAt - this.#keptMs) break;
      this.#erasedAt.delete(oldest);
    }
    return true;
  }

  /** Whether the user was erased after this request had come. */
  concerns({ userId, arrivedAt }: { userId?: string; arrivedAt: number }): boolean {
    if (userId === undefined || this.#erasedAt.size === 0) return false;
    return arrivedAt <= (this.#erasedAt.get(userHash(userId)) ?? -Infinity);
  }
}
