import fc from 'fast-check';
import { expect, test } from 'vitest';
import { median, quantile, quantiles } from './quantile.ts';

test('a median is the middle value, or lies between the two middle ones', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(quantile([0, 10], 0.25)).toBe(2.5);
  // What NumPy says: np.percentile([15, 20, 35, 40, 50], [40, 99]).
  expect(quantiles([50, 15, 40, 20, 35], 0.4, 0.99)).toEqual([29, expect.closeTo(49.6)]);
  expect(quantile([], 0.5)).toBeNaN();
});

test('a quantile lies within the values and grows with the share', () => {
  const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 });
  fc.assert(fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
    const value = quantile(all, share);
    expect(value).toBeGreaterThanOrEqual(Math.min(...all));
    expect(value).toBeLessThanOrEqual(Math.max(...all));
    expect(quantile(all, Math.min(1, share + 0.1))).toBeGreaterThanOrEqual(value - 1e-6);
  }));
});
