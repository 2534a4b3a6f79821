import fc from 'fast-check';
import { expect, test } from 'vitest';
import { trendOf, type Point } from './trend.ts';

const line = (slope: number, count = 40): Point[] => Array.from({ length: count }, (_, x) => [x, 100 + slope * x]);
const tenPercent = (median: number) => median / 10;

test('a line’s slope is found though a fifth of its points is wild', () => {
  fc.assert(fc.property(fc.integer({ min: -20, max: 20 }), fc.integer({ min: -10_000, max: 10_000 }), (slope, wild) => {
    const points = line(slope).map(([x, y], index): Point => [x, index % 5 === 2 ? y + wild : y]);
    expect(trendOf(points, tenPercent).slope).toBeCloseTo(slope, 6);
  }));
});

test('what grows by more than is allowed is not flat; what falls is', () => {
  expect(trendOf(line(0), tenPercent)).toMatchObject({ slope: 0, growth: 0, flat: true });
  expect(trendOf(line(1), tenPercent).flat).toBe(false);
  expect(trendOf(line(-1), tenPercent).flat).toBe(true);
});
