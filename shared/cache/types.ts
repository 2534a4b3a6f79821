/**
 * Small shared state: results, features, duplicates. Implementations: Redis through ioredis; in-process (lru-cache).
 * Both pass test/conformance/cache.ts. Keys are namespaced by the implementation.
 */
export interface Cache extends AsyncDisposable {
  /** True: several processes see the same values, and they outlive this process. */
  readonly shared: boolean;
  readonly description: string;
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string, options?: SetOptions): Promise<void>;
  /** Stores the value if the key has none; returns the value that is there now, the earlier one or this. */
  setIfAbsent(key: string, value: string, options?: { ttlMs?: number }): Promise<string>;
  /** Adds one to a whole number, none being 0, and sets its time to live anew; returns the new number. Atomic. */
  increment(key: string, options?: { ttlMs?: number }): Promise<number>;
  delete(key: string): Promise<void>;
  /** Deletes all values that were set with this owner. */
  deleteOwned(owner: string): Promise<void>;
  /**
   * Appends to a bounded list, once per (source, offset): an offset at or below the last one applied from that
   * source is ignored, so redelivered records change nothing. Keeps the newest `limit` entries and the total count.
   */
  append(key: string, entry: string, options: AppendOptions): Promise<void>;
  /** The newest entries, oldest first, and how many were ever appended. */
  list(key: string): Promise<BoundedList>;
  close(): Promise<void>;
}

/** How long a value is kept (ms; without `ttlMs` until there is no room), and whose it is. */
export interface SetOptions {
  ttlMs?: number;
  /**
   * Whom the value belongs to, so that all that is his can be deleted. An owner's newest 1,000 values are kept (MAX_OWNED),
   * for a week at most (OWNED_TTL_MS).
   */
  owner?: string;
}

/** How long a list may grow and be kept, and where the entry came from: what was appended once is not appended again. */
export interface AppendOptions {
  limit: number;
  /** For example `interactions/3`. */
  source: string;
  offset: number;
  ttlMs?: number;
}

/** The newest entries of a list, oldest first, and how many there have ever been. */
export interface BoundedList {
  entries: string[];
  total: number;
}
