import { expect, test } from 'vitest';
import { seededRandom } from '@tandem/shared/random';
import { byTurns, recorded } from './hop-times.ts';

/** 1 ms, but for a stall of 20 ms in which what was sent waits for its end. */
const STALLED = Array.from({ length: 100 }, (_, atMs) => ({ atMs, ms: atMs >= 40 && atMs < 60 ? 61 - atMs : 1 }));

test('records that are sent in a stall arrive together at its end, as they did', () => {
  const hop = recorded(STALLED);
  const random = seededRandom(1, 'hops');
  const arrivals = Array.from({ length: 99 }, (_, now) => now + hop(random, now).ms);
  const together = Map.groupBy(arrivals, (at) => Math.round(at));
  expect(Math.max(...[...together.values()].map(({ length }) => length))).toBeGreaterThanOrEqual(18);
  for (const [index, at] of arrivals.entries()) if (index > 0) expect(at).toBeGreaterThanOrEqual(arrivals[index - 1]! - 1e-9);
});

test('two recordings are played by turns, in the given share', () => {
  const hop = byTurns(() => 1, () => 2, 0.3);
  const random = seededRandom(2, 'hops');
  const drawn = Array.from({ length: 100_000 }, (_, now) => hop(random, now));
  expect(drawn.filter((ms) => ms === 2).length / drawn.length).toBeCloseTo(0.3, 1);
  expect(drawn.filter((ms, index) => index > 0 && ms !== drawn[index - 1]).length).toBeLessThan(400);
});

test('nothing measured is refused', () => {
  expect(() => recorded([])).toThrow(RangeError);
});
