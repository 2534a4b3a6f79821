import { expect, test } from 'vitest';
import { exponential } from '@tandem/shared/random';
import { linearTimes, type ServiceTimes } from './model/service-times.ts';
import { simulate } from './simulate.ts';
import { specOf, worker } from './testing.ts';

const SERVICE_MS = 4;
const SEEDS = [1, 2, 3, 4, 5, 6];
/** One after the other on one session, patiently: no batches, no deadlines. */
const PATIENT = { deadlineMs: null, sloMs: 1e9 };

function waits(times: ServiceTimes, load: number): number[] {
  return SEEDS.map((seed) => {
    const { meanMs, unanswered } = simulate(specOf({
      seed, seconds: 80, warmUpSeconds: 10, perSecond: (load * 1_000) / SERVICE_MS, traffic: PATIENT,
      cluster: { workers: [worker('w1', {}, times)], batching: { maxBatchSize: 1, patienceMs: 1e9 } },
    }));
    expect(unanswered).toBe(0);
    return meanMs - SERVICE_MS;
  });
}

/** Mean over the seeds, and 4 standard errors of it: one run in 16,000 lies outside by chance, and seeds are fixed. */
function interval(values: readonly number[]): { low: number; high: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  const error = 4 * Math.sqrt(variance / values.length);
  return { low: mean - error, high: mean + error };
}

const exponentialTimes: ServiceTimes = { draw: (_, random) => SERVICE_MS * exponential(random), mean: () => SERVICE_MS };

test.each([0.3, 0.7])('M/M/1 at load %d: the mean wait is ρ/(1 − ρ) service times', (load) => {
  const { low, high } = interval(waits(exponentialTimes, load));
  const expected = (load / (1 - load)) * SERVICE_MS;
  expect(low).toBeLessThan(expected);
  expect(high).toBeGreaterThan(expected);
  expect(high - low).toBeLessThan(0.6 * expected);
}, 60_000);

test.each([0.3, 0.7])('M/D/1 at load %d: the mean wait is half of that (Pollaczek and Khinchine)', (load) => {
  const { low, high } = interval(waits(linearTimes(SERVICE_MS, 0), load));
  const expected = (load / (2 * (1 - load))) * SERVICE_MS;
  expect(low).toBeLessThan(expected);
  expect(high).toBeGreaterThan(expected);
  expect(high - low).toBeLessThan(0.6 * expected);
}, 60_000);
