import type { Clock } from '../../clock/index.ts';

export interface MemoryCacheOptions {
  /**
   * Values and lists are bounded separately, so that a flood of one never evicts the other.
   * About 56 bytes an entry are reserved at once (a million takes 0.2 s to set up). @default 100000
   */
  maxEntries?: number;
  /** Estimated bytes of values, and again of lists; least recently used go first. @default no bound */
  maxBytes?: number;
  /** For expiry. @default systemClock */
  clock?: Clock;
}
