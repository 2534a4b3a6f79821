export { createRedisCache } from './redis-cache.ts';
export type { RedisCacheOptions } from './options.ts';
