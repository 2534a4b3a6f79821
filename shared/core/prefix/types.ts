export interface PrefixCacheOptions {
  /** Sequences that are kept at once. */
  slots: number;
  /** Tokens that a slot holds. */
  positions: number;
  /**
   * What one cached step costs, in tokens of a prefill: where more than length ÷ this many steps are missing, the prefix
   * is built anew. Measured here (docs/user-streams.md): 16 to 23. @default 20
   */
  stepCostTokens?: number;
  /** A prefix that nobody used for so long is given up: what a user did shall not stay in memory for ever. */
  idleMs: number;
}

/** What can be reused of an owner's sequence now. */
export interface PrefixMatch {
  /** Tokens whose keys and values need not be computed; 0: none, or too few to be worth it. */
  reused: number;
  /** The others: one step each where something is reused. */
  missing: number;
}

/** A slot that belongs to one batch until it is committed or dropped. Nobody else reads or writes the slot meanwhile. */
export interface PrefixLease extends PrefixMatch {
  readonly slot: number;
  readonly owner: string;
  /** The whole sequence that the slot is to hold. */
  readonly tokens: readonly number[];
}

export interface PrefixCounts {
  /** Slots in use. */
  used: number;
  /** Prefixes that made room for others, since the start. */
  evictions: number;
  /** Prefixes that were given up for other reasons: failures, idleness, erasures. */
  dropped: number;
}
