import type { Cache } from '@tandem/shared/cache';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** What the suite needs of an implementation. */
export interface CacheUnderTest {
  /** Fresh and empty. The suite closes it. */
  cache: Cache;
  /** Lets time pass for expiry: moves an injected clock, or really waits. */
  passTime(durationMs: number): Promise<void>;
}

/** The precise meaning of the Cache port; every implementation passes it. */
export function describeCache(name: string, create: () => Promise<CacheUnderTest>): void {
  describe(`cache: ${name}`, () => {
    let cache: Cache;
    let passTime: CacheUnderTest['passTime'];

    beforeEach(async () => {
      ({ cache, passTime } = await create());
    });

    afterEach(async () => {
      await cache.close();
    });

    describe('values', () => {
      it('gives undefined for a key that was never set', async () => {
        expect(await cache.get('nobody')).toBeUndefined();
      });

      it('gives back what was set last', async () => {
        await cache.set('key', 'first');
        await cache.set('key', 'second');
        expect(await cache.get('key')).toBe('second');
      });

      it('keeps the empty string apart from nothing', async () => {
        await cache.set('key', '');
        expect(await cache.get('key')).toBe('');
        expect(await cache.setIfAbsent('key', 'other')).toBe('');
      });

      it('forgets a deleted key, values and lists alike', async () => {
        await cache.set('key', 'value');
        await cache.append('key', 'entry', { limit: 5, source: 's/0', offset: 0 });
        await cache.delete('key');
        expect(await cache.get('key')).toBeUndefined();
        expect(await cache.list('key')).toEqual({ entries: [], total: 0 });
      });

      it('deletes what is not there without complaint', async () => {
        await expect(cache.delete('nobody')).resolves.toBeUndefined();
      });

      it('expires a value when its time is up, and not before', async () => {
        await cache.set('short', 'value', { ttlMs: 1_000 });
        await cache.set('long', 'value', { ttlMs: 60_000 });
        expect(await cache.get('short')).toBe('value');
        await passTime(1_001);
        expect(await cache.get('short')).toBeUndefined();
        expect(await cache.get('long')).toBe('value');
      });

      it('lets a later set without a time to live stay for good', async () => {
        await cache.set('key', 'value', { ttlMs: 100 });
        await cache.set('key', 'value');
        await passTime(101);
        expect(await cache.get('key')).toBe('value');
      });

      it('stores any text under any key', async () => {
        const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
        await fc.assert(
          fc.asyncProperty(text, text, async (key, value) => {
            await cache.set(key, value);
            expect(await cache.get(key)).toBe(value);
          }),
          { numRuns: 50 },
        );
      });

      it('keeps keys apart that look alike', async () => {
        const keys = ['a', 'A', 'a ', 'a:', 'a:b', 'a}b{', '{a}', '__proto__', 'constructor', 'é', 'e\u0301', 'a\u0000', '*'];
        for (const key of keys) await cache.set(key, `value of ${key}`);
        for (const key of keys) expect(await cache.get(key)).toBe(`value of ${key}`);
      });

      it('stores values of a megabyte', async () => {
        const value = 'ä'.repeat(500_000);
        await cache.set('large', value);
        expect(await cache.get('large')).toBe(value);
      });
    });

    describe('setIfAbsent', () => {
      it('stores the value where there is none and says so', async () => {
        expect(await cache.setIfAbsent('key', 'mine')).toBe('mine');
        expect(await cache.get('key')).toBe('mine');
      });

      it('keeps the earlier value and gives it back', async () => {
        await cache.setIfAbsent('key', 'earlier');
        expect(await cache.setIfAbsent('key', 'later')).toBe('earlier');
        expect(await cache.get('key')).toBe('earlier');
      });

      it('has one winner among a hundred at once', async () => {
        const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => cache.setIfAbsent('race', `contender ${i}`)));
        expect(new Set(answers).size).toBe(1);
        expect(await cache.get('race')).toBe(answers[0]);
      });

      it('wins again after the earlier value has expired', async () => {
        await cache.setIfAbsent('key', 'earlier', { ttlMs: 100 });
        await passTime(101);
        expect(await cache.setIfAbsent('key', 'later')).toBe('later');
      });

      it('does not prolong the earlier value', async () => {
        await cache.setIfAbsent('key', 'earlier', { ttlMs: 1_000 });
        await cache.setIfAbsent('key', 'later', { ttlMs: 60_000 });
        await passTime(1_001);
        expect(await cache.get('key')).toBeUndefined();
      });
    });

    describe('increment', () => {
      it('counts from one, each key for itself', async () => {
        expect(await cache.increment('a')).toBe(1);
        expect(await cache.increment('a')).toBe(2);
        expect(await cache.increment('b')).toBe(1);
        expect(await cache.get('a')).toBe('2');
      });

      it('counts every one of a hundred at once', async () => {
        const counts = await Promise.all(Array.from({ length: 100 }, () => cache.increment('race')));
        expect(counts.toSorted((x, y) => x - y)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
      });

      it('begins anew when it was deleted, or its time was up', async () => {
        await cache.increment('deleted');
        await cache.delete('deleted');
        expect(await cache.increment('deleted')).toBe(1);
        await cache.increment('short', { ttlMs: 100 });
        await passTime(101);
        expect(await cache.increment('short')).toBe(1);
      });

      it('lives from its last count on', async () => {
        await cache.increment('key', { ttlMs: 2_000 });
        await passTime(1_100);
        await cache.increment('key', { ttlMs: 2_000 });
        await passTime(1_100);
        expect(await cache.increment('key', { ttlMs: 2_000 })).toBe(3);
      });
    });

    describe('values of an owner', () => {
      it('are deleted together, and nobody else’s', async () => {
        for (const [key, owner] of [['a', 'ann'], ['b', 'ann'], ['c', 'bob']] as const) await cache.set(key, key, { owner, ttlMs: 60_000 });
        await cache.set('d', 'd');
        await cache.deleteOwned('ann');
        expect(await Promise.all(['a', 'b', 'c', 'd'].map((key) => cache.get(key)))).toEqual([undefined, undefined, 'c', 'd']);
        await cache.deleteOwned('ann');
        await cache.set('a', 'again', { owner: 'ann' });
        expect(await cache.get('a')).toBe('again');
      });

      it('are values like others otherwise', async () => {
        await cache.set('short', 'first', { owner: 'ann', ttlMs: 60_000 });
        await cache.set('short', 'second', { owner: 'ann', ttlMs: 1_000 });
        expect(await cache.get('short')).toBe('second');
        await passTime(1_001);
        expect(await cache.get('short')).toBeUndefined();
      });

      it('are kept up to a thousand, the newest ones', async () => {
        await Promise.all(Array.from({ length: 1_003 }, (_, index) => cache.set(`key ${index}`, 'v', { owner: 'ann' })));
        const kept = await Promise.all(Array.from({ length: 1_003 }, (_, index) => cache.get(`key ${index}`)));
        expect(kept.map((value) => value !== undefined)).toEqual([...Array<boolean>(3).fill(false), ...Array<boolean>(1_000).fill(true)]);
        await cache.deleteOwned('ann');
        expect(await cache.get('key 500')).toBeUndefined();
      });

      it('can have any text as their owner', async () => {
        await cache.set('key', 'v', { owner: '{a}\n*\u0000 ann' });
        await cache.deleteOwned('*');
        expect(await cache.get('key')).toBe('v');
        await cache.deleteOwned('{a}\n*\u0000 ann');
        expect(await cache.get('key')).toBeUndefined();
      });
    });

    describe('lists', () => {
      const append = (entry: string, offset: number, options: { limit?: number; source?: string; key?: string; ttlMs?: number } = {}) =>
        cache.append(options.key ?? 'list', entry, {
          limit: options.limit ?? 100,
          source: options.source ?? 'interactions/0',
          offset,
          ...(options.ttlMs === undefined ? {} : { ttlMs: options.ttlMs }),
        });

      it('is empty before the first append', async () => {
        expect(await cache.list('list')).toEqual({ entries: [], total: 0 });
      });

      it('gives the entries oldest first', async () => {
        for (const [offset, entry] of ['a', 'b', 'c'].entries()) await append(entry, offset);
        expect(await cache.list('list')).toEqual({ entries: ['a', 'b', 'c'], total: 3 });
      });

      it('keeps the newest entries up to the limit, and counts all', async () => {
        for (let offset = 0; offset < 10; offset += 1) await append(`e${offset}`, offset, { limit: 4 });
        expect(await cache.list('list')).toEqual({ entries: ['e6', 'e7', 'e8', 'e9'], total: 10 });
      });

      it('applies an offset of a source once', async () => {
        await append('a', 7);
        await append('a', 7);
        expect(await cache.list('list')).toEqual({ entries: ['a'], total: 1 });
      });

      it('ignores offsets below the last one applied: a redelivered stretch changes nothing', async () => {
        for (const offset of [3, 5, 9]) await append(`e${offset}`, offset);
        for (const offset of [3, 5, 9]) await append(`again${offset}`, offset);
        expect(await cache.list('list')).toEqual({ entries: ['e3', 'e5', 'e9'], total: 3 });
      });

      it('tells sources apart', async () => {
        await append('a', 4, { source: 'interactions/0' });
        await append('b', 4, { source: 'interactions/1' });
        await append('c', 0, { source: 'interactions/2' });
        expect(await cache.list('list')).toEqual({ entries: ['a', 'b', 'c'], total: 3 });
      });

      it('tells keys apart', async () => {
        await append('a', 4, { key: 'one' });
        await append('b', 4, { key: 'two' });
        expect((await cache.list('one')).entries).toEqual(['a']);
        expect((await cache.list('two')).entries).toEqual(['b']);
      });

      it('knows offsets beyond 32 bits', async () => {
        const large = 2 ** 52;
        await append('a', large);
        await append('b', large - 1);
        await append('c', large + 1);
        expect(await cache.list('list')).toEqual({ entries: ['a', 'c'], total: 2 });
      });

      it('keeps the order of appends that were called without waiting', async () => {
        await Promise.all(Array.from({ length: 200 }, (_, offset) => append(String(offset), offset, { limit: 1_000 })));
        const { entries, total } = await cache.list('list');
        expect(total).toBe(200);
        expect(entries).toEqual(Array.from({ length: 200 }, (_, offset) => String(offset)));
      });

      it('does not let a list be changed through what was read', async () => {
        await append('a', 0);
        (await cache.list('list')).entries.push('planted');
        expect((await cache.list('list')).entries).toEqual(['a']);
      });

      it('expires as a whole, counted from the last append', async () => {
        // Where time really passes, the commands themselves may take a good part of a second.
        await append('a', 0, { ttlMs: 2_000 });
        await passTime(1_100);
        await append('b', 1, { ttlMs: 2_000 });
        await passTime(1_100);
        expect(await cache.list('list')).toEqual({ entries: ['a', 'b'], total: 2 });
        await passTime(2_001);
        expect(await cache.list('list')).toEqual({ entries: [], total: 0 });
      });

      it('keeps values and lists of one key apart', async () => {
        await cache.set('both', 'value');
        await append('entry', 0, { key: 'both' });
        expect(await cache.get('both')).toBe('value');
        expect((await cache.list('both')).entries).toEqual(['entry']);
      });

      it.each([0, -1, 1.5, Number.NaN])('refuses a limit of %s', async (limit) => {
        await expect(append('a', 0, { limit })).rejects.toMatchObject({ code: 'invalid_argument', retryable: false });
      });

      it.each([-1, 0.5, Number.NaN, 2 ** 53])('refuses an offset of %s', async (offset) => {
        await expect(append('a', offset)).rejects.toMatchObject({ code: 'invalid_argument', retryable: false });
      });

      it('equals a plain model for any sequence of appends, redeliveries among them', async () => {
        const step = fc.record({
          key: fc.constantFrom('k1', 'k2'),
          source: fc.constantFrom('t/0', 't/1'),
          offset: fc.nat(30),
          entry: fc.oneof(fc.string({ unit: 'grapheme', maxLength: 8 }), fc.constantFrom('', '\n', '\\n', '\\', 'a\nb', '\u0000')),
        });
        let run = 0;
        await fc.assert(
          fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 10 }), async (steps, limit) => {
            run += 1;
            const model = new ListModel(limit);
            for (const { key, source, offset, entry } of steps) {
              model.append(key, entry, source, offset);
              await append(entry, offset, { key: `${run}:${key}`, source, limit });
            }
            for (const key of ['k1', 'k2']) expect(await cache.list(`${run}:${key}`)).toEqual(model.list(key));
          }),
          { numRuns: 30 },
        );
      });
    });

    describe('closing', () => {
      it('refuses calls after it was closed, and closes twice without complaint', async () => {
        await cache.close();
        await cache.close();
        await expect(cache.get('key')).rejects.toMatchObject({ code: 'cache_closed' });
        await expect(cache.append('key', 'e', { limit: 1, source: 's', offset: 0 })).rejects.toMatchObject({ code: 'cache_closed' });
      });
    });
  });
}

/** What a list must be, in the plainest terms. */
class ListModel {
  readonly #limit: number;
  readonly #entries: Record<string, string[]> = {};
  readonly #applied: Record<string, number> = {};

  constructor(limit: number) {
    this.#limit = limit;
  }

  append(key: string, entry: string, source: string, offset: number): void {
    const id = `${key} ${source}`;
    if (offset <= (this.#applied[id] ?? -1)) return;
    this.#applied[id] = offset;
    this.#entries[key] = [...(this.#entries[key] ?? []), entry];
  }

  list(key: string) {
    const all = this.#entries[key] ?? [];
    return { entries: all.slice(-this.#limit), total: all.length };
  }
}
