export { PrefixCache } from './prefix-cache.ts';
export { PrefixPool } from './prefix-pool.ts';
export type { PrefixCacheOptions, PrefixCounts, PrefixLease, PrefixMatch } from './types.ts';
