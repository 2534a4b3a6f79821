import { Redis } from 'ioredis';
import { TandemError, messageOf, tlsAdvice } from '../../errors/index.ts';
import type { RedisCacheOptions } from './options.ts';
import { clientOptions } from './redis-cache.ts';

/** What a server says of itself, for people who look for what is wrong; undefined where this user may not ask. */
export interface RedisFacts {
  version: string | undefined;
  /** What goes when memory is short: `noeviction`, `allkeys-lru` … */
  maxmemoryPolicy: string | undefined;
  maxmemoryBytes: number | undefined;
  roundTripMs: number;
}

/** @throws {TandemError} `cache_unreachable`, `cache_tls`; what a wrong login brings, `checkRedisAccess` says better */
export async function inspectRedis(options: RedisCacheOptions): Promise<RedisFacts> {
  const { hostname, port } = new URL(options.url);
  const redis = new Redis(options.url, { ...clientOptions(options), lazyConnect: true, connectTimeout: options.connectTimeoutMs ?? 2_000, retryStrategy: () => null });
  let first: unknown;
  redis.on('error', (error: unknown) => (first ??= error));
  try {
    await redis.connect();
    const info = await redis.info().catch(() => '');
    const startedAt = performance.now();
    await redis.get(`${options.prefix}v:doctor`);
    return { ...factsOf(info), roundTripMs: performance.now() - startedAt };
  } catch (error) {
    const advice = tlsAdvice('redis', first ?? error);
    const reason = advice ?? `does not answer (${messageOf(first ?? error)})`;
    throw new TandemError(`Redis at ${hostname}:${port === '' ? '6379' : port} ${reason}`, { code: advice === undefined ? 'cache_unreachable' : 'cache_tls', retryable: true, cause: error });
  } finally {
    redis.disconnect();
  }
}

function factsOf(info: string): Omit<RedisFacts, 'roundTripMs'> {
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const bytes = field('maxmemory');
  return { version: field('redis_version'), maxmemoryPolicy: field('maxmemory_policy'), maxmemoryBytes: bytes === undefined ? undefined : Number(bytes) };
}
