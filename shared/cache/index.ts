export type { AppendOptions, BoundedList, Cache, SetOptions } from './types.ts';
export { CachePatience } from './patience.ts';
export { userHash } from './user-hash.ts';
export { createMemoryCache, type MemoryCacheOptions } from './memory/index.ts';
export { checkRedisAccess, createRedisCache, type RedisCacheOptions } from './redis/index.ts';
