import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BatchTimePoint } from '@tandem/schemas';
import { batchMs, monotone } from './batch-curve.ts';
import { driftOf, refined } from './refine.ts';

const points = fc.uniqueArray(
  fc.record({ size: fc.integer({ min: 1, max: 128 }), ms: fc.float({ min: Math.fround(0.01), max: 500, noNaN: true }), samples: fc.integer({ min: 1, max: 1_000 }) }),
  { selector: ({ size }) => size, minLength: 1, maxLength: 12 },
);

function isMonotone(curve: readonly BatchTimePoint[]): boolean {
  return curve.every(({ size, ms }, index) => index === 0 || (size > curve[index - 1]!.size && ms >= curve[index - 1]!.ms));
}

test('whatever was measured, a larger batch never takes less', () => {
  fc.assert(fc.property(points, fc.integer({ min: 1, max: 256 }), fc.integer({ min: 0, max: 64 }), (measured, size, more) => {
    const curve = monotone(measured);
    expect(isMonotone(curve)).toBe(true);
    expect(batchMs(curve, size + more)!).toBeGreaterThanOrEqual(batchMs(curve, size)! * (1 - 1e-9));
  }));
});

test('a fit keeps between the least and the most that was measured, and leaves what is monotone as it is', () => {
  fc.assert(fc.property(points, (measured) => {
    const curve = monotone(measured);
    const times = measured.map(({ ms }) => ms);
    for (const { ms } of curve) {
      expect(ms).toBeGreaterThanOrEqual(Math.min(...times) * (1 - 1e-6));
      expect(ms).toBeLessThanOrEqual(Math.max(...times) * (1 + 1e-6));
    }
    expect(monotone(curve)).toEqual(curve);
  }));
});

const at = (size: number, ms: number, samples = 10): BatchTimePoint => ({ size, ms, samples });

test('between sizes the time is interpolated; beyond them it grows in proportion, below them it does not fall', () => {
  const curve = [at(2, 2), at(4, 3)];
  expect([1, 2, 3, 4, 8].map((size) => batchMs(curve, size))).toEqual([2, 2, 2.5, 3, 6]);
  expect(batchMs([], 1)).toBeUndefined();
});

test('drift is the median of what batches take now over what the profile says', () => {
  expect(driftOf([at(1, 1), at(8, 4)], [at(1, 2), at(8, 8), at(16, 80)])).toBe(2);
  expect(driftOf([], [at(1, 2)])).toBeUndefined();
  expect(driftOf([at(1, 1)], [])).toBeUndefined();
});

test('sizes that have run count as measured, the others as the profile says, as far as that is off now', () => {
  expect(refined([at(1, 1), at(8, 4), at(32, 12)], [at(7.5, 8)], 2)).toEqual([at(1, 2), at(7.5, 8), at(32, 24)]);
  expect(refined([], [at(4, 3)], 1)).toEqual([at(4, 3)]);
});
