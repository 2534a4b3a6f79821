import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { activityOf } from './activity.ts';

const DAY_MS = 86_400_000;
const times = fc.array(fc.integer({ min: 0, max: 100 * DAY_MS }), { maxLength: 300 });

describe('activity', () => {
  it('is 0 without interactions', () => {
    expect(activityOf([], 0, 20)).toBe(0);
  });

  it('is 1 − 1/e after τ interactions just now', () => {
    expect(activityOf(Array.from({ length: 20 }, () => 5), 5, 20)).toBeCloseTo(1 - 1 / Math.E, 12);
  });

  it('counts an interaction of a day ago as half of one', () => {
    expect(activityOf([0, 0], DAY_MS, 20)).toBeCloseTo(activityOf([DAY_MS], DAY_MS, 20), 12);
  });

  it('counts an interaction after the moment as one of that moment', () => {
    expect(activityOf([2 * DAY_MS], DAY_MS, 20)).toBe(activityOf([DAY_MS], DAY_MS, 20));
  });

  it('stays between 0 and 1, falls with time and rises with interactions', () => {
    fc.assert(
      fc.property(times, fc.integer({ min: 100 * DAY_MS, max: 200 * DAY_MS }), fc.double({ min: 0.1, max: 1_000, noNaN: true }), (known, at, tau) => {
        const activity = activityOf(known, at, tau);
        expect(activity).toBeGreaterThanOrEqual(0);
        expect(activity).toBeLessThanOrEqual(1);
        expect(activityOf(known, at + DAY_MS, tau)).toBeLessThanOrEqual(activity);
        expect(activityOf([...known, at], at, tau)).toBeGreaterThanOrEqual(activity);
      }),
    );
  });
});
