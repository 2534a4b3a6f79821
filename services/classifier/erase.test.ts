import { untilSettled } from '@tandem/shared/clock';
import { createMemoryCache, userHash } from '@tandem/shared/cache';
import { describe, expect, it, vi } from 'vitest';
import { NOW, breakableCache, handle, interaction, pretendShared, record, request, taskOf, testClassifier } from './testing.ts';

const erasure = (time = NOW, userId = 'ann') => ({ erase: true, userId, time });
const at = (offset: number, timestamp: number, partition = 0) => ({ offset, timestamp, partition });

type Tested = ReturnType<typeof testClassifier>;

async function erase({ classifier, clock }: Tested, value: unknown, place: object): Promise<void> {
  const done = handle(classifier, record('interactions', value, place));
  await untilSettled(done, () => clock.advance(100));
  await done;
}
const historyOf = async ({ classifier, clock }: Tested, userId = 'ann') =>
  (await taskOf(classifier, record('requests', request({ userId }), { timestamp: clock.now() }))).input as { history: number[]; total: number };

describe('an erasure', () => {
  it('forgets what the user did before it, and nobody else’s', async () => {
    const tested = testClassifier();
    for (const userId of ['ann', 'bob']) await handle(tested.classifier, record('interactions', interaction('1', NOW, userId), at(1, NOW)));
    await erase(tested, erasure(), at(2, NOW + 10));
    await handle(tested.classifier, record('interactions', interaction('2'), at(3, NOW + 20)));
    expect(await historyOf(tested)).toMatchObject({ history: [2], total: 1 });
    expect(await historyOf(tested, 'bob')).toMatchObject({ history: [1], total: 1 });
  });

  it.each([false, true])('is told to the workers by the user’s hash, once it holds (shared cache: %s)', async (shared) => {
    const tested = testClassifier(shared ? {} : { cache: createMemoryCache() });
    const done = handle(tested.classifier, record('interactions', erasure(), at(2, NOW + 10)));
    await untilSettled(done, () => tested.clock.advance(100));
    const [notice, ...others] = await done;
    expect(notice).toMatchObject({ topic: 'tandem.telemetry', key: `erased/${userHash('ann')}` });
    expect(JSON.parse(notice!.value as string)).toEqual({ kind: 'erasure', user: userHash('ann'), time: NOW + 10 });
    expect(others).toEqual([]);
  });

  it('holds for interactions from before it that come later: redelivered, from other partitions, read anew from the log', async () => {
    const tested = testClassifier();
    await erase(tested, erasure(), at(50, NOW));
    for (const place of [at(49, NOW - 1), at(1, NOW - 5_000, 3), at(7, NOW, 2)]) {
      await handle(tested.classifier, record('interactions', interaction('1'), place));
    }
    expect(await historyOf(tested)).toMatchObject({ history: [] });
    await handle(tested.classifier, record('interactions', interaction('2'), at(51, NOW)));
    await handle(tested.classifier, record('interactions', interaction('3'), at(8, NOW + 1, 2)));
    expect(await historyOf(tested)).toMatchObject({ history: [2, 3] });
  });

  it('redelivered, or read from another partition, does not forget what came after it', async () => {
    const tested = testClassifier();
    await erase(tested, erasure(), at(5, NOW));
    await handle(tested.classifier, record('interactions', interaction('2'), at(6, NOW + 1_000)));
    await erase(tested, erasure(), at(5, NOW));
    await erase(tested, erasure(), at(9, NOW + 2_000, 3));
    await erase(tested, erasure(NOW - 99_000), at(2, NOW - 99_000, 1));
    expect(await historyOf(tested)).toMatchObject({ history: [2] });
    await erase(tested, erasure(NOW + 3_000), at(7, NOW + 3_000));
    expect(await historyOf(tested)).toMatchObject({ history: [] });
  });

  it('is applied by a process of its own cache that reads all interactions anew', async () => {
    const tested = testClassifier({ cache: createMemoryCache() });
    const tail = [
      record('interactions', interaction('1'), at(1, NOW - 2)), record('interactions', interaction('2'), at(1, NOW - 1, 1)),
      record('interactions', erasure(), at(2, NOW)), record('interactions', interaction('3'), at(0, NOW - 9, 2)),
      record('interactions', interaction('4'), at(3, NOW + 5)),
    ];
    for (const each of tail) await tested.classifier.applyInteraction(each);
    expect(await historyOf(tested)).toMatchObject({ history: [4], total: 1 });
  });

  it('also removes what another process stored just when the user was erased', async () => {
    const cache = pretendShared(createMemoryCache());
    const tested = testClassifier({ cache });
    const erasing = handle(tested.classifier, record('interactions', erasure(), at(5, NOW)));
    await vi.waitFor(() => expect(tested.clock.pending).toBe(1), 10_000);
    await cache.append('features:ann', '1:x', { limit: 9, source: 'tandem.interactions/3', offset: 0 });
    await untilSettled(erasing, () => tested.clock.advance(100));
    expect((await cache.list('features:ann')).total).toBe(0);
  });

  it('is tried until the cache takes it', async () => {
    const { cache, state } = breakableCache();
    const tested = testClassifier({ cache });
    await handle(tested.classifier, record('interactions', interaction('1'), at(1, NOW)));
    state.broken = true;
    const erasing = handle(tested.classifier, record('interactions', erasure(), at(2, NOW)));
    await vi.waitFor(() => expect(tested.clock.pending).toBe(1), 10_000);
    tested.clock.advance(50);
    state.broken = false;
    await untilSettled(erasing, () => tested.clock.advance(100));
    expect((await cache.list('features:ann')).total).toBe(0);
  });

  it.each([{ erase: true }, { erase: true, userId: '', time: 1 }, { erase: true, userId: 'ann', time: 'now' }, { ...interaction('1'), erase: true, time: -1 }])('like %o is a dead letter', async (value) => {
    const { classifier } = testClassifier();
    await expect(handle(classifier, record('interactions', value))).rejects.toMatchObject({ code: 'invalid_interaction' });
  });

  it('leaves no user id in the cache', async () => {
    const keys: string[] = [];
    const inner = pretendShared(createMemoryCache());
    const cache = new Proxy(inner, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        return name === 'set' ? (key: string, text: string, options: { ttlMs: number }) => (keys.push(key, text), target.set(key, text, options)) : value;
      },
    });
    await erase(testClassifier({ cache }), erasure(NOW, 'someone-known'), at(2, NOW));
    expect(keys.length).toBeGreaterThan(0);
    expect(keys.join()).not.toContain('someone-known');
  });
});
