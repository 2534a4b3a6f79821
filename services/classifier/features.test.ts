import { untilSettled } from '@tandem/shared/clock';
import { createMemoryCache } from '@tandem/shared/cache';
import { describe, expect, it, vi } from 'vitest';
import {
  NOW, apply, breakableCache, handle, interaction, pretendShared, record, request, taskOf, testClassifier,
} from './testing.ts';

describe('features', () => {
  it('are the first n interactions exactly, where the request says so', async () => {
    const { classifier } = testClassifier();
    await apply(classifier, 10);
    const task = await taskOf(classifier, record('requests', request({ input: { asOfInteractions: 4 } })));
    expect(task.input).toMatchObject({ history: [1, 2, 3, 4], total: 4 });
    expect(task.marks).toEqual([]);
  });

  it('of a user before the first interaction are those of an unknown user', async () => {
    const { classifier } = testClassifier();
    await apply(classifier, 3);
    const task = await taskOf(classifier, record('requests', request({ input: { asOfInteractions: 0 } })));
    expect(task).toMatchObject({ input: { history: [], total: 0 }, marks: ['unknown_user'], activity: 0 });
  });

  it('are the newest of a long history, and count what the bounded list no longer holds', async () => {
    const { classifier } = testClassifier({ historyLimit: 3 });
    await apply(classifier, 20);
    const now = await taskOf(classifier, record('requests', request()));
    const earlier = await taskOf(classifier, record('requests', request({ input: { asOfInteractions: 17 } })));
    expect(now).toMatchObject({ input: { history: [18, 19, 20], total: 20 }, marks: [] });
    expect(earlier).toMatchObject({ input: { history: [15, 16, 17], total: 17 }, marks: [] });
  });

  it('are marked stale where the list no longer reaches back far enough', async () => {
    const { classifier } = testClassifier({ historyLimit: 3 });
    await apply(classifier, 20);
    const short = await taskOf(classifier, record('requests', request({ input: { asOfInteractions: 16 } })));
    const gone = await taskOf(classifier, record('requests', request({ input: { asOfInteractions: 3 } })));
    expect(short).toMatchObject({ input: { history: [15, 16], total: 16 }, marks: ['features_stale'] });
    expect(gone.marks).toContain('features_stale');
  });

  it('leave out what happened after the time of the request', async () => {
    const { classifier } = testClassifier();
    await apply(classifier, 10);
    const task = await taskOf(classifier, record('requests', request({ time: NOW - 1_000 + 2 })));
    expect(task.input).toMatchObject({ history: [1, 2, 3], total: 3 });
  });

  it('are waited for, and the wait ends with the interaction that was missing', async () => {
    const { classifier, clock } = testClassifier({ cache: createMemoryCache() });
    const tail = (n: number) => classifier.applyInteraction(record('interactions', interaction(String(n))));
    await tail(1);
    const waiting = taskOf(classifier, record('requests', request({ input: { asOfInteractions: 3 } })));
    const other = await taskOf(classifier, record('requests', request({ userId: 'bob' })));
    expect(other.requestId).toBeDefined();
    await tail(2);
    await tail(3);
    expect((await waiting).input).toMatchObject({ history: [1, 2, 3], total: 3 });
    expect((await waiting).marks).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('are marked stale when the wait was in vain', async () => {
    const { classifier, clock } = testClassifier({ featureWaitMs: 250 });
    await apply(classifier, 1);
    const waiting = taskOf(classifier, record('requests', request({ input: { asOfInteractions: 1_000_000_000 } })));
    await untilSettled(waiting, () => clock.advance(5));
    expect((await waiting).marks).toEqual(['features_stale']);
    expect((await waiting).input).toMatchObject({ history: [1], total: 1 });
    expect(clock.now() - NOW).toBeGreaterThanOrEqual(250);
    expect(clock.now() - NOW).toBeLessThan(300);
  });

  it('are not waited for beyond the deadline', async () => {
    const { classifier, clock } = testClassifier({ featureWaitMs: 250 });
    const waiting = taskOf(classifier, record('requests', request({ hints: { deadlineMs: 20 }, input: { asOfInteractions: 5 } })));
    await untilSettled(waiting, () => clock.advance(5));
    expect(clock.now() - NOW).toBeLessThan(50);
  });

  it('that another process stores in a shared cache end the wait too', async () => {
    const cache = pretendShared(createMemoryCache());
    const here = testClassifier({ cache });
    const there = testClassifier({ cache });
    const waiting = taskOf(here.classifier, record('requests', request({ input: { asOfInteractions: 1 } })));
    await apply(there.classifier, 1);
    await untilSettled(waiting, () => here.clock.advance(5));
    expect((await waiting).marks).toEqual([]);
    expect(here.clock.now() - NOW).toBeLessThan(100);
  });

  it('given by the sender are used instead of the known ones', async () => {
    const { classifier } = testClassifier();
    await apply(classifier, 3);
    const task = await taskOf(classifier, record('requests', request({ input: { history: ['9', '8'] } })));
    expect(task.input).toMatchObject({ history: [9, 8], total: 2 });
  });
});

describe('interactions', () => {
  it('redelivered change nothing', async () => {
    const { classifier } = testClassifier();
    const input = record('interactions', interaction('7'));
    for (let i = 0; i < 3; i += 1) await handle(classifier, input);
    expect((await taskOf(classifier, record('requests', request()))).input).toMatchObject({ history: [7], total: 1 });
  });

  it('that cannot be read are dead letters', async () => {
    const { classifier } = testClassifier();
    await expect(handle(classifier, record('interactions', { userId: 'ann' }))).rejects.toMatchObject({ code: 'invalid_interaction' });
    await expect(handle(classifier, record('interactions', interaction('1001')))).rejects.toMatchObject({ code: 'unknown_item' });
    await expect(handle(classifier, record('interactions', interaction('01')))).rejects.toMatchObject({ code: 'unknown_item' });
  });

  it('are only checked by the group where the cache is not shared, and stored by the tail', async () => {
    const cache = createMemoryCache();
    const { classifier } = testClassifier({ cache });
    const good = record('interactions', interaction('7'));
    expect(await handle(classifier, good)).toEqual([]);
    expect(await cache.list('features:ann')).toEqual({ entries: [], total: 0 });
    await classifier.applyInteraction(good);
    await classifier.applyInteraction(record('interactions', 'garbage'));
    expect((await cache.list('features:ann')).total).toBe(1);
    await expect(handle(classifier, record('interactions', 'garbage'))).rejects.toMatchObject({ code: 'invalid_json' });
  });

  it('of one user are stored in order even while the cache comes and goes', async () => {
    const { cache, state } = breakableCache();
    const { classifier, clock } = testClassifier({ cache });
    state.broken = true;
    const first = handle(classifier, record('interactions', interaction('1')));
    const second = handle(classifier, record('interactions', interaction('2')));
    await vi.waitFor(() => expect(clock.pending).toBe(1), 10_000);
    state.broken = false;
    const third = handle(classifier, record('interactions', interaction('3')));
    await untilSettled(Promise.all([first, second, third]), () => clock.advance(50));
    expect((await cache.list('features:ann')).entries.map((entry) => entry.split(':')[0])).toEqual(['1', '2', '3']);
  });

  it('that the cache never takes are given back when the stage stops', async () => {
    const { cache, state } = breakableCache();
    const { classifier, clock } = testClassifier({ cache });
    state.broken = true;
    const pending = handle(classifier, record('interactions', interaction('1')));
    const outcome = expect(pending).rejects.toMatchObject({ code: 'cache_unavailable', retryable: true });
    await vi.waitFor(() => expect(clock.pending).toBe(1), 10_000);
    await classifier.stop?.();
    clock.advance(60_000);
    await outcome;
  });
});
