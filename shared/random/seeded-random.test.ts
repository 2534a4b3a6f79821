import { expect, test } from 'vitest';
import { exponential, lognormal, seededRandom, shuffled } from './seeded-random.ts';

const draws = (seed: number, purpose: string, count = 5) => {
  const random = seededRandom(seed, purpose);
  return Array.from({ length: count }, () => random());
};

test('a seed and a purpose always give the same numbers, another seed or purpose gives others', () => {
  expect(draws(7, 'order')).toEqual(draws(7, 'order'));
  expect(draws(7, 'order')).not.toEqual(draws(8, 'order'));
  expect(draws(7, 'order')).not.toEqual(draws(7, 'lots'));
});

test('numbers are spread evenly over [0, 1)', () => {
  const tenths = Array.from({ length: 10 }, () => 0);
  for (const draw of draws(1, 'spread', 20_000)) tenths[Math.floor(draw * 10)]! += 1;
  for (const count of tenths) expect(Math.abs(count - 2_000)).toBeLessThan(200);
});

test('exponential draws have mean 1, lognormal draws median 1', () => {
  const random = seededRandom(3, 'gaps');
  const gaps = Array.from({ length: 20_000 }, () => exponential(random));
  expect(gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length).toBeCloseTo(1, 1);
  const paces = Array.from({ length: 20_000 }, () => lognormal(random, 0.5));
  expect(paces.filter((pace) => pace < 1).length / paces.length).toBeCloseTo(0.5, 1);
  expect([...gaps, ...paces].every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
});

test('shuffling keeps every value and leaves the original alone', () => {
  const values = Array.from({ length: 50 }, (_, index) => index);
  const result = shuffled(seededRandom(1, 'shuffle'), values);
  expect(result).not.toEqual(values);
  expect(result.toSorted((left, right) => left - right)).toEqual(values);
  expect(values[0]).toBe(0);
});
