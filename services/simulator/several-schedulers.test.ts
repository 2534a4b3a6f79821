import { describe, expect, test } from 'vitest';
import { deadlineAwarePolicy } from '@tandem/shared/core';
import { hopAround, uniformHops } from './model/hop-times.ts';
import { linearTimes, type ServiceTimes } from './model/service-times.ts';
import { simulate } from './simulate.ts';
import { LARGE, SMALL, specOf, variantOf, worker } from './testing.ts';

const INT8 = variantOf('large', 'int8', 0.99);
const all = (times: ServiceTimes) => [{ name: 'all', share: 1, times }];
/** Two sessions, at INT8 in batches of 32 some 4,600 requests a second. */
const serves = new Map([['small.fp32', all(linearTimes(0.2, 0.05))], ['large.fp32', all(linearTimes(1, 0.8))], ['large.int8', all(linearTimes(1, 0.4))]]);

/** Each scheduler hears the heartbeats, and knows no more of the others' work than what these say. */
const run = (perSecond: number, schedulers: number) => simulate(specOf({
  perSecond, policy: deadlineAwarePolicy(), seconds: 8, warmUpSeconds: 2, seed: 3, traffic: { deadlineMs: 50, sloMs: 50 },
  cluster: { schedulers, partitions: 16, variants: [SMALL, LARGE, INT8], workers: ['w1', 'w2'].map((name) => ({ ...worker(name), serves })), hops: uniformHops(hopAround(0.7)) },
}));

describe.each([
  { load: 'a light load', perSecond: 1_500, tolerated: 0.01 },
  { load: 'most of what the workers can do', perSecond: 3_500, tolerated: 0.01 },
  { load: 'a third more than they can do', perSecond: 6_000, tolerated: 0.1 },
])('at $load', ({ perSecond, tolerated }) => {
  const one = run(perSecond, 1);

  test.each([2, 3, 4])('%i schedulers without a leader do what one does, within the bound', (schedulers) => {
    const several = run(perSecond, schedulers);
    // Who gives out more than there is room for has late answers; who believes that there is none refuses too much.
    expect(several.goodputPerSecond).toBeGreaterThanOrEqual((1 - tolerated) * one.goodputPerSecond);
    expect(several.lateShare).toBeLessThanOrEqual(0.01);
    expect(several.degradedShare).toBeLessThanOrEqual(one.degradedShare + tolerated);
    expect(several.meanAccuracy).toBeGreaterThanOrEqual(one.meanAccuracy - 0.005);
    expect(several.unanswered + several.doubled).toBe(0);
  });
});
