import { expect, test } from 'vitest';
import { burstyArrivals, diurnalArrivals, poissonArrivals, recordedArrivals, type Arrivals } from './arrivals.ts';
import { seededRandom } from './seeded-random.ts';

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Arrivals in windows of equal length. */
function windows(arrivals: Arrivals, windowMs: number, count: number): number[] {
  const counts = new Array<number>(count).fill(0);
  for (let at = arrivals.next(); at < windowMs * count; at = arrivals.next()) counts[Math.floor(at / windowMs)]! += 1;
  return counts;
}

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const dispersionOf = (values: readonly number[]) => meanOf(values.map((value) => (value - meanOf(values)) ** 2)) / meanOf(values);

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
  const dispersion = dispersionOf(windows(poissonArrivals(1_000, seededRandom(3, 'arrivals')), 10, 2_000));
  expect(dispersion).toBeGreaterThan(0.85);
  expect(dispersion).toBeLessThan(1.15);
});

test('bursts have the mean rate, and vary far more than a Poisson process', () => {
  const counts = windows(burstyArrivals({ perSecond: 1_000, peak: 4, burstMs: 100, quiet: 0.2 }, seededRandom(5, 'bursts')), 100, 4_000);
  expect(meanOf(counts)).toBeGreaterThan(95);
  expect(meanOf(counts)).toBeLessThan(105);
  expect(dispersionOf(counts)).toBeGreaterThan(20);
});

test('bursts that are none are refused', () => {
  expect(() => burstyArrivals({ perSecond: 1, peak: 1 }, Math.random)).toThrow(RangeError);
});

test('a day has its lowest rate at its beginning and its highest in the middle', () => {
  const counts = windows(diurnalArrivals({ perSecond: 100, amplitude: 0.5, periodMs: 100_000 }, seededRandom(2, 'day')), 10_000, 10);
  expect(counts[0]! / 1_000).toBeCloseTo(0.5, 0);
  expect(counts[5]! / 1_000).toBeCloseTo(1.5, 0);
  expect(meanOf(counts) / 1_000).toBeCloseTo(1, 1);
});

test('a recording is played from its first arrival on, as fast as one likes, and ends', () => {
  const arrivals = recordedArrivals([500, 600, 900], 2);
  expect([arrivals.next(), arrivals.next(), arrivals.next(), arrivals.next()]).toEqual([0, 50, 200, Infinity]);
});

test('the same seed gives the same arrivals', () => {
  expect(gaps(100, 20)).toEqual(gaps(100, 20));
});
