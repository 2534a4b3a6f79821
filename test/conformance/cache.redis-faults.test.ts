import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { createRedisCache, type Cache, type RedisCacheOptions } from '@tandem/shared/cache';
import { silentLogger } from '@tandem/shared/telemetry';
import { afterEach, describe, expect, inject, it, vi } from 'vitest';
import { freePort } from '../support/processes.ts';
import { until } from '../support/until.ts';
import { startFaultyProxy, type FaultyProxy } from './cache-proxy.ts';

const UNAVAILABLE = { code: 'cache_unavailable', retryable: true };
const append = { limit: 100, source: 'interactions/0' };

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const resource of opened.splice(0).reverse()) await resource[Symbol.asyncDispose]();
});

const prefix = () => `test.${randomUUID()}:`;

function open(url: string, over: Partial<RedisCacheOptions> = {}): Cache {
  const cache = createRedisCache({ url, prefix: prefix(), logger: silentLogger, ...over });
  opened.push(cache);
  return cache;
}

async function openBehindProxy(over: Partial<RedisCacheOptions> = {}): Promise<{ cache: Cache; proxy: FaultyProxy }> {
  const proxy = await startFaultyProxy(inject('redis'));
  opened.push(proxy);
  const cache = open(`redis://127.0.0.1:${proxy.port}`, over);
  await untilItWorks(cache);
  return { cache, proxy };
}

const works = (cache: Cache) => cache.get('anything').then(() => true, () => false);
const untilItWorks = (cache: Cache) => until(() => works(cache), { what: 'the cache to work' });

describe('a redis cache whose server', () => {
  it('cuts the connection fails retryably, and mends by itself with nothing lost', async () => {
    const { cache, proxy } = await openBehindProxy();
    await cache.set('key', 'value');
    proxy.cut();
    await until(async () => !(await works(cache)));
    await expect(cache.get('key')).rejects.toMatchObject(UNAVAILABLE);
    await expect(cache.setIfAbsent('key', 'other')).rejects.toMatchObject(UNAVAILABLE);
    await expect(cache.append('list', 'entry', { ...append, offset: 0 })).rejects.toMatchObject(UNAVAILABLE);
    proxy.mend();
    await untilItWorks(cache);
    expect(await cache.get('key')).toBe('value');
  });

  it('dies in the middle of many commands settles every one of them', async () => {
    const { cache, proxy } = await openBehindProxy();
    const commands = Array.from({ length: 2_000 }, (_, i) => cache.append(`list ${i % 10}`, String(i), { ...append, offset: i }));
    setImmediate(() => proxy.cut());
    for (const result of await Promise.allSettled(commands)) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject(UNAVAILABLE);
    }
  });

  it('hangs is not waited for beyond the time-out, and used again when it answers', async () => {
    const { cache, proxy } = await openBehindProxy({ commandTimeoutMs: 100 });
    proxy.hang();
    const results = await Promise.allSettled(Array.from({ length: 100 }, () => cache.get('key')));
    for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: UNAVAILABLE });
    proxy.mend();
    await untilItWorks(cache);
  });

  it('hangs can be closed all the same', async () => {
    const { cache, proxy } = await openBehindProxy({ commandTimeoutMs: 100 });
    proxy.hang();
    await cache.close();
    await expect(cache.get('key')).rejects.toMatchObject({ code: 'cache_closed' });
  });

  it('is away at the start is found when it comes', async () => {
    const proxy = await startFaultyProxy(inject('redis'));
    opened.push(proxy);
    proxy.cut();
    const cache = open(`redis://127.0.0.1:${proxy.port}`, { connectTimeoutMs: 50 });
    await expect(cache.get('key')).rejects.toMatchObject(UNAVAILABLE);
    proxy.mend();
    await untilItWorks(cache);
  });

  it('forgets its scripts is taught them again', async () => {
    const cache = open(inject('redis'));
    await cache.append('list', 'a', { ...append, offset: 0 });
    await sendInline('SCRIPT FLUSH');
    await cache.append('list', 'b', { ...append, offset: 1 });
    expect(await cache.list('list')).toEqual({ entries: ['a', 'b'], total: 2 });
    await sendInline('SCRIPT FLUSH');
    expect(await cache.setIfAbsent('key', 'value')).toBe('value');
  });

  it('is away is logged once, and once that it is back', async () => {
    const [warn, info] = [vi.fn(), vi.fn()];
    const { cache, proxy } = await openBehindProxy({ logger: { warn, info } as never });
    proxy.cut();
    await until(() => warn.mock.calls.length > 0);
    for (let i = 0; i < 20; i += 1) await works(cache);
    proxy.mend();
    await untilItWorks(cache);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(info).toHaveBeenCalledTimes(1);
  });
});

it('a password appears in no message', async () => {
  const warn = vi.fn();
  const cache = open(`redis://someone:open-sesame@127.0.0.1:${await freePort()}/2`, { connectTimeoutMs: 50, logger: { warn, info: warn } as never });
  const error: unknown = await cache.get('key').catch((reason: unknown) => reason);
  expect(error).toMatchObject(UNAVAILABLE);
  expect(cache.description).toMatch(/^redis 127\.0\.0\.1:\d+\/2$/);
  expect(`${String(error)} ${JSON.stringify(warn.mock.calls)} ${cache.description}`).not.toContain('sesame');
});

describe('two redis caches with one prefix', () => {
  const pair = () => {
    const shared = { prefix: prefix() };
    return [open(inject('redis'), shared), open(inject('redis'), shared)] as const;
  };

  it('see the same values and lists', async () => {
    const [one, other] = pair();
    await one.set('key', 'value');
    await one.append('list', 'a', { ...append, offset: 0 });
    await other.append('list', 'again', { ...append, offset: 0 });
    await other.append('list', 'b', { ...append, offset: 1 });
    expect(await other.get('key')).toBe('value');
    expect(await one.list('list')).toEqual({ entries: ['a', 'b'], total: 2 });
  });

  it('have one winner of a race between them', async () => {
    const [one, other] = pair();
    const race = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? one : other).setIfAbsent('race', String(i)));
    expect(new Set(await Promise.all(race)).size).toBe(1);
  });
});

it('two redis caches with different prefixes know nothing of each other', async () => {
  const [one, other] = [open(inject('redis')), open(inject('redis'))];
  await one.set('key', 'value');
  await one.append('key', 'a', { ...append, offset: 0 });
  await other.delete('key');
  expect(await other.get('key')).toBeUndefined();
  expect(await one.get('key')).toBe('value');
  expect((await one.list('key')).total).toBe(1);
});

/** A command as one types it, on a connection of its own. */
async function sendInline(command: string): Promise<void> {
  const { hostname, port } = new URL(inject('redis'));
  const socket = connect(Number(port || 6_379), hostname);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once('data', () => resolve()).once('error', reject);
  socket.write(`${command}\r\n`);
  await promise;
  socket.destroy();
}
