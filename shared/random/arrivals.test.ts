import { expect, test } from 'vitest';
import { seededRandom } from '@tandem/shared/random';
import { poissonArrivals } from './arrivals.ts';
import { median } from './spread.ts';

function gaps(perSecond: number, count: number): number[] {
  const arrivals = poissonArrivals(perSecond, seededRandom(7, 'arrivals'));
  let before = 0;
  return Array.from({ length: count }, () => {
    const at = arrivals.next();
    const gap = at - before;
    before = at;
    return gap;
  });
}

test('gaps have the mean of the rate, and the median of an exponential distribution', () => {
  const all = gaps(500, 50_000);
  const mean = all.reduce((sum, gap) => sum + gap, 0) / all.length;
  expect(mean).toBeGreaterThan(1.96);
  expect(mean).toBeLessThan(2.04);
  expect(median(all) / mean).toBeCloseTo(Math.LN2, 1);
});

test('counts in windows of equal length vary as a Poisson process’s do: their variance is their mean', () => {
  const counts = new Array<number>(2_000).fill(0);
  const arrivals = poissonArrivals(1_000, seededRandom(3, 'arrivals'));
  for (let at = arrivals.next(); at < 20_000; at = arrivals.next()) counts[Math.floor(at / 10)]! += 1;
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / counts.length;
  expect(variance / mean).toBeGreaterThan(0.85);
  expect(variance / mean).toBeLessThan(1.15);
});

test('the same seed gives the same arrivals', () => {
  expect(gaps(100, 20)).toEqual(gaps(100, 20));
});
