import { describe, expect, it } from 'vitest';
import { createMemoryCache } from './memory-cache.ts';

const append = { limit: 10, source: 's/0' };

describe('memory cache bounds', () => {
  it('keeps at most maxEntries values and drops the least recently used', async () => {
    const cache = createMemoryCache({ maxEntries: 3 });
    for (const key of ['a', 'b', 'c']) await cache.set(key, key);
    await cache.get('a');
    await cache.set('d', 'd');
    expect(await Promise.all(['a', 'b', 'c', 'd'].map((key) => cache.get(key)))).toEqual(['a', undefined, 'c', 'd']);
  });

  it('never evicts lists because of values', async () => {
    const cache = createMemoryCache({ maxEntries: 3 });
    await cache.append('user', 'item', { ...append, offset: 0 });
    for (let i = 0; i < 100; i += 1) await cache.setIfAbsent(`seen:${i}`, 'x');
    expect(await cache.list('user')).toEqual({ entries: ['item'], total: 1 });
  });

  it('keeps values below maxBytes', async () => {
    const cache = createMemoryCache({ maxBytes: 10_000 });
    for (let i = 0; i < 100; i += 1) await cache.set(`key ${i}`, 'x'.repeat(500));
    const kept = await Promise.all(Array.from({ length: 100 }, (_, i) => cache.get(`key ${i}`)));
    const count = kept.filter((value) => value !== undefined).length;
    expect(count).toBeGreaterThan(0);
    expect(count * 1_000).toBeLessThanOrEqual(10_000);
    expect(kept[99]).toBeDefined();
  });

  it('counts the bytes of a list as it grows', async () => {
    const cache = createMemoryCache({ maxBytes: 20_000 });
    for (let offset = 0; offset < 10; offset += 1) {
      for (let user = 0; user < 50; user += 1) await cache.append(`user ${user}`, 'x'.repeat(100), { ...append, offset });
    }
    const lists = await Promise.all(Array.from({ length: 50 }, (_, user) => cache.list(`user ${user}`)));
    const characters = lists.flatMap(({ entries }) => entries).reduce((sum, entry) => sum + entry.length, 0);
    expect(2 * characters).toBeLessThanOrEqual(20_000);
    expect(lists.at(-1)?.total).toBeGreaterThan(0);
  });

  it('does not keep a value that is larger than the whole cache', async () => {
    const cache = createMemoryCache({ maxBytes: 1_000 });
    await cache.set('large', 'x'.repeat(10_000));
    expect(await cache.get('large')).toBeUndefined();
  });
});
