import { createMemoryCache, userHash } from '@tandem/shared/cache';
import { TandemError } from '@tandem/shared/errors';
import { describe, expect, it } from 'vitest';
import { completedOutcome } from './outcomes.ts';
import { MS, isCached, resultIn, resultOf, served, setUp, sharedCache, turns, variantOf } from './reuse-testing.ts';

const HOUR_MS = 3_600_000;

describe('an identical step', () => {
  it('is answered with the first one’s result, at once, and says so', () => {
    const { ask, endNext, computing, seen, saved, served: one } = setUp();
    ask(1);
    endNext();
    const again = ask(1, { requestId: 'other', userId: 'bob' });
    expect(resultIn(again)).toBe('1@lookup.fp32.1');
    expect(again.outcome).toMatchObject({ requestId: 'other', task: { userId: 'bob' }, run: { cached: true, batchSize: 0, computeMs: 0, reason: 'why not', version: '1' } });
    expect(computing).toEqual([]);
    expect(seen).toEqual(['miss', 'hit']);
    expect(saved()).toBe(MS);
    expect(one.completed).toBe(1);
  });

  it('is computed again where its workload keeps no results', () => {
    const { ask, endNext, computing, seen } = setUp({ freshness: 'off' });
    ask(1);
    endNext();
    ask(1);
    expect(computing).toHaveLength(1);
    expect(seen).toEqual([]);
  });

  it('is computed again when the result has become too old', () => {
    const { ask, endNext, computing, clock } = setUp();
    ask(1);
    endNext();
    clock.advance(HOUR_MS);
    expect(isCached(ask(1))).toBe(true);
    clock.advance(1);
    ask(1);
    expect(computing).toHaveLength(1);
  });

  it('is computed again by another version of the variant', () => {
    const { ask, endNext, computing } = setUp();
    ask(1);
    endNext();
    const newer = ask(1, {}, { served: served(variantOf('2')) });
    expect(computing).toHaveLength(1);
    endNext();
    expect(resultIn(newer)).toBe('1@lookup.fp32.2');
  });

  it('is computed when it may have ended a process, and nobody waits for that', () => {
    const { ask, computing } = setUp();
    ask(1, {}, { suspicion: { key: 'k', attempt: 1 } });
    ask(1, {}, { suspicion: { key: 'k', attempt: 1 } });
    ask(1);
    expect(computing).toHaveLength(3);
  });

  it.each(['failed', 'expired', 'cancelled', 'redispatched', 'handedBack'] as const)('is computed again where the first has %s', (ending) => {
    const { ask, endNext, computing } = setUp();
    ask(1);
    endNext(ending);
    ask(1);
    expect(computing).toHaveLength(1);
  });

  it('of a user is computed again after a new interaction, where the adapter reads the user', () => {
    const { ask, endNext, computing } = setUp();
    const of = { served: served(variantOf('1'), { readsUser: true }) };
    ask(1, { userId: 'ann', interactions: 3 }, of);
    endNext();
    expect(isCached(ask(1, { userId: 'ann', interactions: 3 }, of))).toBe(true);
    ask(1, { userId: 'ann', interactions: 4 }, of);
    ask(1, { userId: 'bob', interactions: 3 }, of);
    expect(computing).toHaveLength(2);
  });
});

describe('identical steps at the same time', () => {
  it('are computed once', () => {
    const { ask, endNext, computing, seen, saved } = setUp();
    const all = [ask(1), ask(1, { requestId: 'b' }), ask(1, { requestId: 'c' })];
    expect(computing).toHaveLength(1);
    endNext();
    expect(all.map(resultIn)).toEqual(Array(3).fill('1@lookup.fp32.1'));
    expect(all.map(isCached)).toEqual([false, true, true]);
    expect(seen).toEqual(['miss', 'joined', 'joined']);
    expect(saved()).toBe(2 * MS);
  });

  it('wait no longer than each one’s own deadline', () => {
    const { ask, endNext, clock } = setUp();
    const leader = ask(1, { deadlineAt: 1_100 });
    const [follower, patient] = [ask(1, { requestId: 'b', deadlineAt: 1_200 }), ask(1, { requestId: 'c' })];
    clock.advance(200);
    expect([leader, follower, patient].map(resultIn)).toEqual([undefined, 'expired', undefined]);
    endNext();
    expect([leader, follower, patient].map(resultIn)).toEqual(['1@lookup.fp32.1', 'expired', '1@lookup.fp32.1']);
    expect([leader, follower, patient].map(({ answers }) => answers)).toEqual([1, 1, 1]);
    expect(clock.pending).toBe(0);
  });

  it('do not wait for a less urgent one', () => {
    const { ask, computing } = setUp();
    ask(1, { deadlineAt: 2_000 });
    ask(1, { requestId: 'b', deadlineAt: 1_500 });
    expect(computing).toHaveLength(2);
  });

  it.each(['expired', 'cancelled'] as const)('go on behind the next of them where the first is %s', (ending) => {
    const { ask, endNext, computing } = setUp();
    const all = [ask(1), ask(1, { requestId: 'b' }), ask(1, { requestId: 'c' })];
    endNext(ending);
    expect(computing.map(({ work }) => work.task.requestId)).toEqual(['b']);
    endNext();
    expect(all.slice(1).map(resultIn)).toEqual(Array(2).fill('1@lookup.fp32.1'));
    expect(all.map(({ answers }) => answers)).toEqual([1, 1, 1]);
  });

  it.each(['failed', 'redispatched', 'handedBack'] as const)('are computed each for itself where the first has %s', (ending) => {
    const { ask, endNext, computing } = setUp();
    const all = [ask(1), ask(1, { requestId: 'b' }), ask(1, { requestId: 'c' })];
    endNext(ending);
    expect(computing.map(({ work }) => work.task.requestId)).toEqual(['b', 'c']);
    endNext();
    endNext('failed');
    expect(all.slice(1).map(resultIn)).toEqual(['1@lookup.fp32.1', 'failed']);
  });

  it('can be taken back one by one', () => {
    const { ask, endNext, reuse } = setUp();
    const all = [ask(1), ask(1, { requestId: 'b' }), ask(1, { requestId: 'c' })];
    reuse.cancel('b');
    endNext();
    expect(all.map(resultIn)).toEqual(['1@lookup.fp32.1', 'skipped', '1@lookup.fp32.1']);
    expect(all.map(({ answers }) => answers)).toEqual([1, 1, 1]);
  });
});

describe('results in the shared cache', () => {
  it('are found by other workers', async () => {
    const cache = sharedCache();
    const [one, other] = [setUp({ cache }), setUp({ cache })];
    one.ask(1);
    await turns();
    one.endNext();
    await turns();
    const found = other.ask(1);
    const along = other.ask(1, { requestId: 'b' });
    await turns();
    expect([found, along].map(resultIn)).toEqual(Array(2).fill('1@lookup.fp32.1'));
    expect(other.seen).toEqual(['shared_hit', 'joined']);
    expect(isCached(other.ask(1))).toBe(true);
    expect(other.seen.at(-1)).toBe('hit');
  });

  it.each(['failed', 'expired', 'cancelled', 'redispatched', 'handedBack'] as const)('are never what has %s: it is kept nowhere', async (ending) => {
    const written: string[] = [];
    const cache = sharedCache({ set: async (key) => void written.push(key) });
    const { ask, endNext, computing } = setUp({ cache });
    ask(1);
    await turns();
    endNext(ending);
    await turns();
    expect(written).toEqual([]);
    ask(1);
    await turns();
    expect(computing).toHaveLength(1);
    endNext('completed');
    await turns();
    expect(written).toHaveLength(1);
  });

  it.each([
    ['of another content', (stored: string) => stored.replace('"w"', '"v"')],
    ['garbage', () => 'garbage'],
    ['cut off', (stored: string) => stored.slice(0, -3)],
    ['empty', () => ''],
  ])('that are %s are none', async (_, spoil) => {
    const cache = sharedCache();
    const one = setUp({ cache });
    one.ask(1);
    await turns();
    one.endNext();
    await turns();
    const other = setUp({ cache: sharedCache({ get: async (key) => spoil((await cache.get(key)) ?? '') }) });
    const asked = other.ask(1);
    await turns();
    other.endNext();
    expect(resultIn(asked)).toBe('1@lookup.fp32.1');
    expect(isCached(asked)).toBe(false);
  });

  it('that are too old are none', async () => {
    const cache = sharedCache();
    const [one, other] = [setUp({ cache }), setUp({ cache })];
    one.ask(1);
    await turns();
    one.endNext();
    await turns();
    other.clock.advance(HOUR_MS + 1);
    other.ask(1);
    await turns();
    expect(other.computing).toHaveLength(1);
  });

  it('are not waited for when the cache is silent: neither long at first, nor at all later', async () => {
    const cache = sharedCache({ get: () => new Promise(() => undefined), set: () => new Promise(() => undefined) });
    const { ask, computing, clock } = setUp({ cache });
    ask(1);
    await turns();
    expect(computing).toHaveLength(0);
    clock.advance(20);
    await turns();
    expect(computing).toHaveLength(1);
    ask(2);
    await turns();
    expect(computing).toHaveLength(2);
  });

  it('are asked for again when the cache is back', async () => {
    let isAway = true;
    const memory = createMemoryCache({ maxEntries: 1_000 });
    const unavailable = () => Promise.reject(new TandemError('away', { code: 'cache_unavailable', retryable: true }));
    const cache = sharedCache({ get: (key) => (isAway ? unavailable() : memory.get(key)), set: (...all) => (isAway ? unavailable() : memory.set(...all)) });
    const { ask, computing, clock, endNext, seen } = setUp({ cache });
    ask(1);
    await turns();
    expect(computing).toHaveLength(1);
    endNext();
    isAway = false;
    clock.advance(1_000);
    // The first one after a while finds out; those after it profit.
    ask(2);
    await turns();
    ask(3);
    await turns();
    for (const _ of [2, 3]) endNext();
    await turns();
    const other = setUp({ cache });
    other.ask(3);
    await turns();
    expect(other.seen).toEqual(['shared_hit']);
    expect(seen).toEqual(['miss', 'miss', 'miss']);
  });

  it('are left alone by steps that cost less than asking', async () => {
    let asked = 0;
    const memory = createMemoryCache({ maxEntries: 1_000 });
    const cache = sharedCache({ get: (key) => ((asked += 1), memory.get(key)) });
    const { ask, computing, served: one } = setUp({ cache });
    ask(0);
    await turns();
    const cheap = computing.shift()!;
    cheap.answer(completedOutcome(cheap.work, one, resultOf(cheap.work, '1'), { batchSize: 32, queueMs: 0, computeMs: 1 }));
    ask(1);
    expect(computing).toHaveLength(1);
    expect(asked).toBe(1);
  });

  it('can be taken back while the cache is asked, and those who waited go on', async () => {
    const asked = Promise.withResolvers<string | undefined>();
    const { ask, endNext, computing, reuse } = setUp({ cache: sharedCache({ get: () => asked.promise }) });
    const [leader, follower] = [ask(1), ask(1, { requestId: 'b' })];
    reuse.cancel(leader.work.task.requestId);
    asked.resolve(undefined);
    await turns();
    expect(computing.map(({ work }) => work.task.requestId)).toEqual(['b']);
    endNext();
    expect([leader, follower].map(resultIn)).toEqual(['skipped', '1@lookup.fp32.1']);
    expect([leader, follower].map(({ answers }) => answers)).toEqual([1, 1]);
  });
});

describe('an erased user', () => {
  const ann = userHash('ann');

  it('leaves no result in the worker or the shared cache; others’ stay', async () => {
    const cache = sharedCache();
    const { ask, endNext, reuse, computing } = setUp({ cache });
    for (const userId of ['ann', 'bob']) {
      ask(userId, { userId });
      await turns();
      endNext();
    }
    await turns();
    reuse.forget(ann, 500);
    await turns();
    expect(isCached(ask('bob'))).toBe(true);
    ask('ann', { userId: 'ann', arrivedAt: 600 });
    await turns();
    expect(computing).toHaveLength(1);
    const other = setUp({ cache });
    other.ask('ann', { userId: 'ann' });
    await turns();
    expect(other.seen).toEqual(['miss']);
  });

  it('gets nothing kept of a request from before, computed afterwards; of one from after it, yes', () => {
    const { ask, endNext, reuse, computing } = setUp();
    ask(1, { userId: 'ann', arrivedAt: 500 });
    reuse.forget(ann, 500);
    endNext();
    ask(1, { userId: 'ann', arrivedAt: 501 });
    expect(computing).toHaveLength(1);
    endNext();
    expect(isCached(ask(1, { userId: 'ann', arrivedAt: 502 }))).toBe(true);
  });

  it('is forgotten once for the notices of all partitions', async () => {
    const deleted: string[] = [];
    const { reuse } = setUp({ cache: sharedCache({ deleteOwned: async (owner) => void deleted.push(owner) }) });
    for (const at of [500, 500, 499, 600]) reuse.forget(ann, at);
    await turns();
    expect(deleted).toEqual([`results:${ann}`, `results:${ann}`]);
  });
});

describe('a step that is computed ahead of a request', () => {
  const ahead = { ahead: true } as const;

  it('answers the request when that comes, and counts apart from requests', () => {
    const { ask, endNext, seen } = setUp();
    ask(1, ahead, { lane: 'bulk' });
    endNext();
    ask(1, ahead, { lane: 'bulk' });
    expect(seen).toEqual(['ahead computed', 'ahead known']);
    const asked = ask(1);
    expect(isCached(asked)).toBe(true);
    expect(seen.slice(2)).toEqual(['hit', 'ahead used']);
  });

  it('keeps no request waiting: one that comes meanwhile is computed by itself', () => {
    const { ask, computing } = setUp();
    ask(1, ahead, { lane: 'bulk' });
    ask(1);
    expect(computing).toHaveLength(2);
  });

  it('leaves nothing when it fails', () => {
    const { ask, endNext, computing } = setUp();
    ask(1, ahead, { lane: 'bulk' });
    endNext('failed');
    ask(1);
    expect(computing).toHaveLength(1);
  });
});
