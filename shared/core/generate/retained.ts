interface Entry {
  tokens: readonly number[];
  blocks: readonly number[];
  /** Epoch ms. */
  usedAt: number;
}

/** What a new sequence may go on from. */
export interface Reused {
  /** Its first so many tokens are in the blocks. */
  cached: number;
  blocks: number[];
  /** What was beyond, to be given back. */
  spare: number[];
}

/** Fewer are computed sooner than looked after. */
const FEWEST_TOKENS = 8;

/**
 * What sequences leave behind for the next of their owners: least recently used first to go. A prefix is matched token by
 * token; the owner only says where to look.
 */
export class RetainedPrefixes {
  /** In the order of their last use. */
  readonly #byOwner = new Map<string, Entry>();
  readonly #positions: number;

  /** @param positions of a block */
  constructor(positions: number) {
    this.#positions = positions;
  }

  get blocks(): number {
    let count = 0;
    for (const { blocks } of this.#byOwner.values()) count += blocks.length;
    return count;
  }

  /** @returns blocks of what the owner had before */
  keep(owner: string, tokens: readonly number[], blocks: readonly number[], now: number): readonly number[] {
    const before = this.forget(owner);
    this.#byOwner.set(owner, { tokens, blocks, usedAt: now });
    return before;
  }

  /** Hands over what fits; it is no longer kept here. The last token is always computed: its state is what comes next. */
  take(owner: string, tokens: readonly number[]): Reused | undefined {
    const entry = this.#byOwner.get(owner);
    if (entry === undefined) return undefined;
    const most = Math.min(entry.tokens.length, tokens.length - 1);
    let cached = 0;
    while (cached < most && entry.tokens[cached] === tokens[cached]) cached += 1;
    if (cached < FEWEST_TOKENS) return undefined;
    this.#byOwner.delete(owner);
    const used = Math.ceil(cached / this.#positions);
    return { cached, blocks: entry.blocks.slice(0, used), spare: entry.blocks.slice(used) };
  }

  /** @returns its blocks; empty: nothing is kept */
  forget(owner: string): readonly number[] {
    const entry = this.#byOwner.get(owner);
    this.#byOwner.delete(owner);
    return entry?.blocks ?? [];
  }

  /** Gives up the least recently used. @returns its blocks; empty: nothing is kept */
  evict(): readonly number[] {
    const [oldest] = this.#byOwner.keys();
    return oldest === undefined ? [] : this.forget(oldest);
  }

  /** Gives up what nobody has used since. @returns its blocks */
  expire(usedBefore: number): readonly number[] {
    const expired: number[] = [];
    for (const [owner, { usedAt }] of this.#byOwner) {
      if (usedAt >= usedBefore) break;
      expired.push(...this.forget(owner));
    }
    return expired;
  }

  owners(): string[] {
    return [...this.#byOwner.keys()];
  }
}
