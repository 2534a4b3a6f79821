import type { Clock } from '../../clock/index.ts';

export interface MemoryCacheOptions {
  /** Values and lists are bounded separately, so that a flood of one never evicts the other. @default 1000000 */
  maxEntries?: number;
  /** Estimated bytes of values, and again of lists; least recently used go first. @default no bound */
  maxBytes?: number;
  /** For expiry. @default systemClock */
  clock?: Clock;
}
