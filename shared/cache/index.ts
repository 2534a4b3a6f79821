export type { AppendOptions, BoundedList, Cache, SetOptions } from './types.ts';
export { CachePatience } from './patience.ts';
export { userHash } from './user-hash.ts';
export { createMemoryCache, type MemoryCacheOptions } from './memory/index.ts';
export { checkRedisAccess, createRedisCache, inspectRedis, type RedisCacheOptions, type RedisFacts } from './redis/index.ts';
