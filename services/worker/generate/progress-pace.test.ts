import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ProgressPace } from './progress-pace.ts';

test('however many slates are under way and whenever they ask: each tells every 50 ms at most, all together every 5 ms', () => {
  const asks = fc.array(fc.record({ slate: fc.nat(30), afterMs: fc.nat(20) }), { maxLength: 300 });
  fc.assert(fc.property(asks, (all) => {
    const pace = new ProgressPace();
    const last = new Map<number, number>();
    let [now, lastOfAll] = [0, -Infinity];
    for (const { slate, afterMs } of all) {
      now += afterMs;
      if (!pace.admits(last.get(slate), now)) continue;
      expect(now - lastOfAll).toBeGreaterThanOrEqual(5);
      expect(now - (last.get(slate) ?? -Infinity)).toBeGreaterThanOrEqual(50);
      last.set(slate, now);
      lastOfAll = now;
    }
  }));
});

test('the first item of a slate is told at once', () => {
  const pace = new ProgressPace();
  expect(pace.admits(undefined, 1_000)).toBe(true);
  expect(pace.admits(1_000, 1_049)).toBe(false);
  expect(pace.admits(1_000, 1_050)).toBe(true);
});
