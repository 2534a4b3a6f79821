import fc from 'fast-check';
import { expect, test } from 'vitest';
import { thresholdPolicy, type Policy } from '@tandem/shared/core';
import { burstyArrivals, diurnalArrivals, poissonArrivals, recordedArrivals, regularArrivals, seededRandom } from '@tandem/shared/random';
import type { Fault } from './flow/faults.ts';
import { hopAround, uniformHops } from './model/hop-times.ts';
import { linearTimes } from './model/service-times.ts';
import { simulate } from './simulate.ts';
import { specOf, twoStepWorkload, variantOf, worker, SMALL, LARGE } from './testing.ts';

const without = ({ simulated: { requests, events }, ...figures }: ReturnType<typeof simulate>) => ({ ...figures, requests, events });

test('the same seed gives the same run, another seed another', () => {
  const run = (seed: number) => without(simulate(specOf({ seed, seconds: 2, cluster: { hops: uniformHops(hopAround(2)) }, faults: [{ kind: 'worker-lost', instance: 'w1', atSeconds: 1 }] })));
  expect(run(7)).toEqual(run(7));
  expect(run(7)).not.toEqual(run(8));
});

const seconds = fc.double({ min: 0, max: 2, noNaN: true });
const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ kind: fc.constant('worker-lost' as const), instance: fc.constantFrom('w1', 'w2'), atSeconds: seconds, returnsAfterSeconds: seconds }),
  fc.record({ kind: fc.constant('slow-worker' as const), instance: fc.constantFrom('w1', 'w2'), atSeconds: seconds, seconds, factor: fc.double({ min: 1, max: 20, noNaN: true }) }),
  fc.record({ kind: fc.constant('variant-failing' as const), variant: fc.constantFrom('large.fp32', 'small.fp32'), atSeconds: seconds, seconds }),
  fc.record({ kind: fc.constant('broker-pause' as const), atSeconds: seconds, seconds }),
);

test('whatever fails, each request is answered once', () => {
  fc.assert(fc.property(fc.array(fault, { maxLength: 3 }), fc.integer({ min: 1, max: 600 }), fc.option(fc.integer({ min: 5, max: 300 })), fc.integer(), (faults, perSecond, deadlineMs, seed) => {
    const once = new Set(faults.map((one) => `${one.kind} ${'instance' in one ? one.instance : ''}`));
    fc.pre(once.size === faults.length);
    const figures = simulate(specOf({
      seed, seconds: 2, perSecond, faults, traffic: { tasks: { coarse: 1, fine: 1, full: 2 }, deadlineMs, workload: twoStepWorkload() },
      cluster: { hops: uniformHops(hopAround(2)), detectionMs: 500, stages: { classifier: 0.05, scheduler: 0.05, worker: 0.05, fusion: 0.05 } },
    }));
    expect(figures).toMatchObject({ unanswered: 0, doubled: 0 });
    expect(figures.answered).toBe(figures.offered);
  }), { numRuns: 40, seed: 4 });
});

test('Little: the mean number under way is the rate of arrival times the mean latency', () => {
  const { meanUnderWay, offeredPerSecond, meanMs, degradedShare } = simulate(specOf({ seconds: 20, warmUpSeconds: 5, perSecond: 800, traffic: { deadlineMs: null, sloMs: 1e9 } }));
  expect(degradedShare).toBe(0);
  expect(meanUnderWay / ((offeredPerSecond * meanMs) / 1_000)).toBeCloseTo(1, 6);
});

test('what is offered within the capacity is answered in time, what is far beyond it is shed and the rest still is in time', () => {
  const at = (perSecond: number) => simulate(specOf({ seconds: 4, warmUpSeconds: 1, perSecond }));
  const capacity = 2 * (32_000 / (1 + 0.5 * 32));
  expect(at(0.5 * capacity).inTimeShare).toBeGreaterThan(0.999);
  const overload = at(3 * capacity);
  expect(overload.goodputPerSecond / capacity).toBeGreaterThan(0.85);
  expect(overload.lateShare).toBeLessThan(0.01);
});

test('bursts of the same mean rate lengthen the tail', () => {
  const p99 = (arrivals: ReturnType<typeof specOf>['traffic'][number]['arrivals']) => simulate(specOf({ seconds: 20, traffic: { arrivals } })).p99Ms;
  const steady = p99(() => regularArrivals(1_000));
  expect(p99((random) => burstyArrivals({ perSecond: 1_000 }, random))).toBeGreaterThan(2 * steady);
});

test('a day whose peak is beyond the capacity loses what a steady load of the same mean does not', () => {
  const inTime = (arrivals: ReturnType<typeof specOf>['traffic'][number]['arrivals']) => simulate(specOf({ seconds: 20, traffic: { arrivals } })).inTimeShare;
  expect(inTime((random) => poissonArrivals(2_600, random))).toBeGreaterThan(0.999);
  expect(inTime((random) => diurnalArrivals({ perSecond: 2_600, amplitude: 0.8, periodMs: 20_000 }, random))).toBeLessThan(0.98);
});

test('a recorded trace is played request by request, also twice as fast', () => {
  const arrivals = poissonArrivals(500, seededRandom(1, 'trace'));
  const trace = Array.from({ length: 1_000 }, () => arrivals.next());
  const played = (speed: number) => simulate(specOf({ seconds: 10, traffic: { arrivals: () => recordedArrivals(trace, speed) } }));
  expect(played(1)).toMatchObject({ offered: 1_000, answered: 1_000, unanswered: 0 });
  expect(played(2)).toMatchObject({ offered: 1_000, answered: 1_000, unanswered: 0 });
  expect(played(2).meanUnderWay).toBeGreaterThan(played(1).meanUnderWay);
});

test('requests of two kinds of one workload have ids of their own', () => {
  const [kind] = specOf({ perSecond: 100 }).traffic;
  const ids: string[] = [];
  const policy: Policy = { name: 'first', choose: ({ task }, [first]) => (ids.push(task.requestId), { kind: 'dispatch', model: first!.variant.model, precision: first!.variant.precision, reason: 'first' }) };
  simulate({ ...specOf({ seconds: 1, policy }), traffic: [kind!, { ...kind!, lane: 'bulk', deadlineMs: null }] });
  expect(ids.length).toBeGreaterThan(100);
  expect(new Set(ids).size).toBe(ids.length);
});

test('a lost worker costs its share until the group gives its partitions to the other', () => {
  const run = (detectionMs: number) => simulate(specOf({ seconds: 20, perSecond: 400, cluster: { detectionMs }, faults: [{ kind: 'worker-lost', instance: 'w1', atSeconds: 5 }] }));
  const [quick, slow] = [run(1_000), run(10_000)];
  expect(1 - quick.inTimeShare).toBeCloseTo((0.5 * 1) / 20, 1);
  expect(1 - slow.inTimeShare).toBeCloseTo((0.5 * 10) / 20, 1);
  expect(slow.inTimeShare).toBeLessThan(quick.inTimeShare - 0.15);
});

test('while the broker pauses nothing moves, and what waited comes after', () => {
  const paused = simulate(specOf({ seconds: 10, perSecond: 200, traffic: { deadlineMs: null, sloMs: 100 }, faults: [{ kind: 'broker-pause', atSeconds: 4, seconds: 1 }] }));
  expect(paused.lateShare).toBeGreaterThan(0.07);
  expect(paused.lateShare).toBeLessThan(0.13);
});

test('a slow worker is slow for its own partitions', () => {
  const slow = simulate(specOf({ seconds: 10, perSecond: 300, faults: [{ kind: 'slow-worker', instance: 'w1', atSeconds: 0, seconds: 10, factor: 100 }] }));
  expect(slow.inTimeShare).toBeGreaterThan(0.45);
  expect(slow.inTimeShare).toBeLessThan(0.8);
});

test('of a variant that fails the breaker makes the scheduler take another', () => {
  const int8 = variantOf('large', 'int8', 0.97);
  const both = [{ name: 'all', share: 1, times: linearTimes(1, 0.5) }];
  const one = (instance: string) => worker(instance, { serves: new Map([['large.fp32', both], ['large.int8', both]]) });
  const figures = simulate(specOf({
    seconds: 10, perSecond: 300, cluster: { variants: [SMALL, LARGE, int8], workers: [one('w1'), one('w2')] },
    faults: [{ kind: 'variant-failing', variant: 'large.fp32', atSeconds: 2, seconds: 6 }],
  }));
  expect(figures.variantShares['large.int8']).toBeGreaterThan(0.4);
  expect(figures.inTimeShare).toBeGreaterThan(0.9);
  expect(figures.meanAccuracy).toBeGreaterThan(0.97);
});

test('a confident small model spares the large one', () => {
  const workload = twoStepWorkload();
  const steps = workload.plans.full!.steps.map((step) => (step.id === 'fine' ? { ...step, skipWhenConfident: 0.7 } : step));
  const figures = simulate(specOf({ traffic: { tasks: { full: 1 }, confidence: (random) => random(), workload: { ...workload, plans: { full: { strategy: 'cascade', steps } } } } }));
  expect(figures.variantShares['large.fp32']).toBeCloseTo(0.7 / 1.7, 1);
});

test('the policy is the stage’s own: it is asked for each step, with the same picture', () => {
  const asked: string[] = [];
  const base = thresholdPolicy();
  const policy: Policy = { name: 'watched', choose: (context, candidates) => (asked.push(context.step.id), base.choose(context, candidates)) };
  const { offered } = simulate(specOf({ seconds: 1, policy, traffic: { tasks: { full: 1 } } }));
  expect(asked.filter((step) => step === 'coarse').length).toBe(offered);
  expect(asked.filter((step) => step === 'fine').length).toBe(offered);
});

test('cores that are shared are felt: as many sessions on half the cores give half as much', () => {
  const capacity = (cores: number) => simulate(specOf({
    seconds: 3, perSecond: 6_000, cluster: { machines: { shared: { cores } }, workers: [worker('w1', { machine: 'shared' }), worker('w2', { machine: 'shared' })] },
  })).goodputPerSecond;
  expect(capacity(1) / capacity(2)).toBeGreaterThan(0.4);
  expect(capacity(1) / capacity(2)).toBeLessThan(0.6);
});

test('one key cannot be served by more than one worker: skew costs goodput', () => {
  const at = (exponent: number) => simulate(specOf({ seconds: 5, perSecond: 3_000, traffic: { keys: { count: 1_000, exponent } } })).goodputPerSecond;
  expect(at(2)).toBeLessThan(0.85 * at(0));
});

test('a loss of a worker that is not there is refused', () => {
  expect(() => simulate(specOf({ faults: [{ kind: 'worker-lost', instance: 'nobody', atSeconds: 1 }] }))).toThrow(RangeError);
});
