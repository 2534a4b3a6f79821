import { Redis, type RedisOptions } from 'ioredis';
import { checkAppendOptions } from '../append-options.ts';
import { cacheClosed, cacheUnavailable } from '../cache-errors.ts';
import { MAX_OWNED, OWNED_TTL_MS } from '../owned.ts';
import type { AppendOptions, BoundedList, Cache, SetOptions } from '../types.ts';
import { logConnection } from './connection-log.ts';
import { Gate } from './gate.ts';
import { escapeEntry, splitEntries } from './joined-entries.ts';
import type { RedisCacheOptions } from './options.ts';
import { withScripts, type ScriptedRedis } from './scripts.ts';

const DEFAULT_COMMAND_TIMEOUT_MS = 2_000;
const DEFAULT_CONNECT_TIMEOUT_MS = 2_000;
const LONGEST_RECONNECT_PAUSE_MS = 1_000;
/**
 * Commands sent and not answered. A burst of 20,000 at once timed out, since the last waits for all others; at 1,000
 * it went through at 16,000 to 24,000 a second.
 */
const MAX_COMMANDS = 1_000;

/**
 * The shared cache. Every failure is a retryable TandemError `cache_unavailable`; the connection mends itself.
 * Per key: `<prefix>v:<key>` holds its value, `<prefix>l:<key>` its list, `<prefix>m:<key>` the list's count and offsets;
 * per owner `<prefix>o:<owner>` lists the names of his values.
 */
class RedisCache implements Cache {
  readonly shared = true;
  readonly description: string;
  readonly #redis: ScriptedRedis;
  readonly #prefix: string;
  readonly #gate = new Gate(MAX_COMMANDS);
  /** Until the first connection stands or has been waited for long enough. */
  #connecting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: RedisCacheOptions) {
    const { hostname, port, pathname } = new URL(options.url);
    this.description = `redis ${hostname}:${port === '' ? '6379' : port}${pathname.replace(/\/$/, '')}`;
    this.#prefix = options.prefix;
    this.#redis = withScripts(new Redis(options.url, clientOptions(options)));
    logConnection(this.#redis, options.logger, this.description);
    this.#connecting = this.#firstConnection(options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS);
  }

  async get(key: string): Promise<string | undefined> {
    const value = await this.#run(() => this.#redis.get(this.#valueKey(key)));
    return value ?? undefined;
  }

  async set(key: string, value: string, options: SetOptions = {}): Promise<void> {
    const name = this.#valueKey(key);
    if (options.owner !== undefined) return this.#setOwned(name, value, { ...options, owner: options.owner });
    const ttlMs = wholeMs(options.ttlMs);
    await this.#run(() => (ttlMs === 0 ? this.#redis.set(name, value) : this.#redis.set(name, value, 'PX', ttlMs)));
  }

  async setIfAbsent(key: string, value: string, options?: { ttlMs?: number }): Promise<string> {
    return this.#run(() => this.#redis.tandemSetIfAbsent(this.#valueKey(key), value, wholeMs(options?.ttlMs)));
  }

  async increment(key: string, options?: { ttlMs?: number }): Promise<number> {
    return this.#run(() => this.#redis.tandemIncrement(this.#valueKey(key), wholeMs(options?.ttlMs)));
  }

  async delete(key: string): Promise<void> {
    await this.#run(() => this.#redis.del(this.#valueKey(key), ...this.#listKeys(key)));
  }

  async deleteOwned(owner: string): Promise<void> {
    await this.#run(() => this.#redis.tandemDeleteOwned(this.#ownerKey(owner)));
  }

  async append(key: string, entry: string, options: AppendOptions): Promise<void> {
    checkAppendOptions(options);
    const { limit, source, offset, ttlMs } = options;
    await this.#run(() => this.#redis.tandemAppend(...this.#listKeys(key), escapeEntry(entry), limit, source, offset, wholeMs(ttlMs)));
  }

  async list(key: string): Promise<BoundedList> {
    const [total, count, joined] = await this.#run(() => this.#redis.tandemList(...this.#listKeys(key)));
    return { entries: splitEntries(count, joined), total };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #setOwned(name: string, value: string, { owner, ttlMs = OWNED_TTL_MS }: SetOptions & { owner: string }): Promise<void> {
    const livesMs = wholeMs(Math.min(ttlMs, OWNED_TTL_MS));
    await this.#run(() => this.#redis.tandemSetOwned(name, this.#ownerKey(owner), value, livesMs, MAX_OWNED, OWNED_TTL_MS));
  }

  async #run<Answer>(command: () => Promise<Answer>): Promise<Answer> {
    // Awaited only where needed: commands called in one turn stay in order and share a round trip.
    if (this.#connecting !== undefined) await this.#connecting;
    const turn = this.#gate.enter();
    if (turn !== undefined) await turn;
    try {
      if (this.#closing !== undefined) throw cacheClosed(this.description);
      return await command().catch((error: unknown) => {
        throw cacheUnavailable(this.description, error);
      });
    } finally {
      this.#gate.leave();
    }
  }

  #firstConnection(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    this.#redis.once('ready', resolve);
    this.#redis.once('end', resolve);
    return promise.then(() => {
      clearTimeout(timer);
      this.#connecting = undefined;
    });
  }

  async #close(): Promise<void> {
    // What was called before is answered first; a server that is away or hangs is not waited for.
    if (this.#redis.status === 'ready') await this.#redis.quit().catch(() => undefined);
    this.#redis.disconnect();
  }

  #valueKey(key: string): string {
    return `${this.#prefix}v:${key}`;
  }

  #ownerKey(owner: string): string {
    return `${this.#prefix}o:${owner}`;
  }

  #listKeys(key: string): [list: string, meta: string] {
    return [`${this.#prefix}l:${key}`, `${this.#prefix}m:${key}`];
  }
}

export function clientOptions({ tls, username, password, commandTimeoutMs = DEFAULT_COMMAND_TIMEOUT_MS }: RedisCacheOptions) {
  return {
    enableAutoPipelining: true,
    commandTimeout: commandTimeoutMs,
    // A server that accepts and never answers: drop the connection, so that later commands fail at once.
    socketTimeout: 2 * commandTimeoutMs,
    // Callers know best whether to try again, to go on without, or to wait; nothing piles up here meanwhile.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times: number) => Math.min(50 * 2 ** Math.min(times, 10), LONGEST_RECONNECT_PAUSE_MS),
    ...(tls === undefined ? {} : { tls }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  } satisfies RedisOptions;
}

/** Redis takes whole milliseconds of at least 1; 0 stands for none. */
function wholeMs(ttlMs: number | undefined): number {
  return ttlMs === undefined ? 0 : Math.max(1, Math.round(ttlMs));
}

/** A cache that processes share, on Redis 6.2 or later. Connects by itself; commands before that wait for a bounded time. */
export function createRedisCache(options: RedisCacheOptions): Cache {
  return new RedisCache(options);
}
