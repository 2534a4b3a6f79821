import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { TandemError, messageOf, tlsAdvice } from '../../errors/index.ts';
import type { RedisCacheOptions } from './options.ts';
import { clientOptions } from './redis-cache.ts';
import { withScripts, type ScriptedRedis } from './scripts.ts';

const DEFAULT_TIMEOUT_MS = 5_000;

/**
 * Connects once and uses every command that the cache uses, on keys of their own that go after a second. A server that is
 * away or slow is no mistake of the settings: that is left to the cache, which goes on without and comes back.
 * @throws {TandemError} `cache_tls`, `cache_authentication`, `cache_not_authorized`: waiting does not mend it; the message
 * says what does
 */
export async function checkRedisAccess(options: RedisCacheOptions): Promise<void> {
  const { hostname, port } = new URL(options.url);
  const server = `Redis at ${hostname}:${port === '' ? '6379' : port}`;
  const redis = withScripts(new Redis(options.url, {
    ...clientOptions(options),
    lazyConnect: true,
    connectTimeout: options.connectTimeoutMs ?? DEFAULT_TIMEOUT_MS,
    retryStrategy: () => null,
  }));
  let first: unknown;
  redis.on('error', (error: unknown) => (first ??= error));
  try {
    await redis.connect();
    await useEverything(redis, options.prefix);
  } catch (error) {
    const failure = accessFailure(server, options.prefix, first) ?? accessFailure(server, options.prefix, error);
    if (failure !== undefined) throw failure;
  } finally {
    redis.disconnect();
  }
}

async function useEverything(redis: ScriptedRedis, prefix: string): Promise<void> {
  const name = `access-check:${randomUUID()}`;
  const [value, list, meta, owner] = ['v', 'l', 'm', 'o'].map((kind) => `${prefix}${kind}:${name}`) as [string, string, string, string];
  await redis.set(value, '', 'PX', 1_000);
  await redis.get(value);
  await redis.tandemSetIfAbsent(value, '', 1_000);
  await redis.tandemSetOwned(value, owner, '', 1_000, 1, 1_000);
  await redis.tandemDeleteOwned(owner);
  await redis.tandemAppend(list, meta, '', 1, 'check', 0, 1_000);
  await redis.tandemList(list, meta);
  await redis.del(value, list, meta);
}

function accessFailure(server: string, prefix: string, error: unknown): TandemError | undefined {
  const advice = tlsAdvice('redis', error);
  if (advice !== undefined) return new TandemError(`${server}: ${advice}`, { code: 'cache_tls' });
  const message = messageOf(error);
  // Redis begins its errors with their code.
  if (/^(WRONGPASS|NOAUTH)\b/.test(message) || /\bAUTH\b.*without any password configured/.test(message)) {
    return new TandemError(`${server} refused the login (${message.split(' ', 1)[0]}): look at --redis-username and the password (--redis-password-file or TANDEM_REDIS_PASSWORD)`, { code: 'cache_authentication' });
  }
  if (/\bNOPERM\b/.test(message) || /ACL failure in script/i.test(message)) {
    return new TandemError(`${server}: this user may not do what the cache does with keys "${prefix}*" (${message}); docs/security.md has the rule that the user needs`, { code: 'cache_not_authorized' });
  }
  return undefined;
}
