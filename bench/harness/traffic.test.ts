import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Traffic, windowLength, type TrafficOptions } from './traffic.ts';

function traffic(options: Partial<TrafficOptions> = {}): Traffic {
  const users = [10, 20].map((userNumber) => ({ userNumber, preloaded: 0, items: Int32Array.from({ length: 200 }, (_, index) => userNumber * 10 + index), times: new Int32Array(200) }));
  const events = Array.from({ length: 400 }, (_, index) => ({ user: index % 2, position: index >> 1, task: undefined, at: index }));
  return new Traffic({ users, events, repeatShare: 0, seed: 1, judged: true, catalogueSize: 3_883, ...options });
}

test('a request has the items before the one that it must predict', () => {
  const replay = traffic();
  expect(replay.next()).toEqual({ userId: 'user-10', history: '["100"]', target: '101', event: 0 });
  expect(replay.next()).toEqual({ userId: 'user-20', history: '["200"]', target: '201', event: 1 });
  expect(replay.next()).toMatchObject({ history: '["100","101"]', target: '102' });
});

test('what is sent of a history grows by one item at a time, and falls back to 64 behind 128', () => {
  expect([1, 64, 128, 129, 191, 192, 255].map(windowLength)).toEqual([1, 64, 128, 65, 127, 64, 127]);
  fc.assert(fc.property(fc.integer({ min: 1, max: 100_000 }), (position) => {
    const step = windowLength(position + 1) - windowLength(position);
    expect(step === 1 || windowLength(position + 1) <= 65).toBe(true);
    expect(windowLength(position)).toBeLessThanOrEqual(128);
  }));
});

test('used-up events come again as other users with other items, which nobody judges', () => {
  const replay = traffic();
  const first = Array.from({ length: 398 }, () => replay.next());
  expect(first.every(({ target }) => target !== undefined)).toBe(true);
  expect(replay.next()).toMatchObject({ userId: 'user-10-1', history: '["197"]', target: undefined });
});

test('repeats come at their share, are the same question as a recent one, and are not judged', () => {
  const replay = traffic({ repeatShare: 0.25 });
  const asked = new Set<string>();
  let repeats = 0;
  for (let count = 0; count < 400; count += 1) {
    const { userId, history, target } = replay.next();
    const question = userId + history;
    if (target === undefined) expect(asked.has(question)).toBe(true);
    repeats += target === undefined ? 1 : 0;
    asked.add(question);
  }
  expect(repeats).toBeGreaterThan(60);
  expect(repeats).toBeLessThan(140);
});
