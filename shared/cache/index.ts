export type { AppendOptions, BoundedList, Cache } from './types.ts';
export { createMemoryCache, type MemoryCacheOptions } from './memory/index.ts';
export { checkRedisAccess, createRedisCache, type RedisCacheOptions } from './redis/index.ts';
