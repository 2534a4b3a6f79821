import { expect, test } from 'vitest';
import { deadlineAwarePolicy } from '@tandem/shared/core';
import { burstyArrivals } from '@tandem/shared/random';
import { hopAround, uniformHops } from './model/hop-times.ts';
import { linearTimes, type ServiceTimes } from './model/service-times.ts';
import { simulate } from './simulate.ts';
import type { TrafficSpec } from './spec.ts';
import { LARGE, SMALL, specOf, variantOf, worker } from './testing.ts';

const INT8 = variantOf('large', 'int8', 0.99);
const all = (times: ServiceTimes) => [{ name: 'all', share: 1, times }];
const serves = new Map([['small.fp32', all(linearTimes(0.2, 0.05))], ['large.fp32', all(linearTimes(1, 0.8))], ['large.int8', all(linearTimes(1, 0.4))]]);
/** Two sessions at INT8, in batches of 32. */
const CAPACITY = (2 * 32_000) / (1 + 0.4 * 32);

const run = (perSecond: number, hopMs: number, arrivals?: TrafficSpec['arrivals']) => simulate(specOf({
  perSecond, policy: deadlineAwarePolicy(), seconds: 5, warmUpSeconds: 1, seed: 3, traffic: { deadlineMs: 50, sloMs: 50, ...(arrivals === undefined ? {} : { arrivals }) },
  cluster: { partitions: 16, deadlineMarginMs: 5, variants: [SMALL, LARGE, INT8], workers: ['w1', 'w2'].map((name) => ({ ...worker(name), serves })), hops: { ...uniformHops(hopAround(0.7)), work: hopAround(hopMs), outcomes: hopAround(hopMs) } },
}));

test.each([
  { factor: 1.3, hopMs: 0.7 }, { factor: 1.3, hopMs: 8 }, { factor: 2.7, hopMs: 0.7 }, { factor: 2.7, hopMs: 8 }, { factor: 6, hopMs: 0.7 }, { factor: 6, hopMs: 8 },
])('offered $factor times what the workers can do, $hopMs ms away, nearly that much is in time, and hardly anything is computed in vain', ({ factor, hopMs }) => {
  const { goodputPerSecond, lateShare, inVainShare } = run(factor * CAPACITY, hopMs);
  expect(goodputPerSecond / CAPACITY).toBeGreaterThan(0.87);
  expect(lateShare).toBeLessThan(0.02);
  expect(inVainShare).toBeLessThan(0.1);
}, 60_000);

test('bursts of twice the capacity lose what is beyond it, and no more', () => {
  const perSecond = 0.5 * CAPACITY;
  const { goodputPerSecond, offeredPerSecond } = run(perSecond, 0.7, (random) => burstyArrivals({ perSecond, peak: 4, burstMs: 400 }, random));
  expect(goodputPerSecond / (offeredPerSecond / 2)).toBeGreaterThan(0.9);
});
