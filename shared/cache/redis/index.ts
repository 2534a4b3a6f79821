export { checkRedisAccess } from './check-access.ts';
export { inspectRedis, type RedisFacts } from './inspect.ts';
export { createRedisCache } from './redis-cache.ts';
export type { RedisCacheOptions } from './options.ts';
