import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Heartbeat, PlanStep, Task, Variant } from '@tandem/schemas';
import { Cluster } from '../cluster.ts';
import { decide } from '../decide.ts';
import type { ClusterState, Forecast, VariantState } from '../types.ts';
import { optimalSharePolicy } from './policy.ts';
import { evaluateShares, optimalShares, optimalSharesOfTwo, type Path } from './shares.ts';
import { pick, placeOf } from './smooth-pick.ts';

/** As published. */
const LIGHT: Path = { ms: 20, accuracy: 0.9 };
const HEAVY: Path = { ms: 80, accuracy: 0.98 };

test('the published example: shares of 70 % and 30 % give 38 ms, 26.3 requests/s and 92.4 %', () => {
  const { meanMs, perSecond, meanAccuracy } = evaluateShares([LIGHT, HEAVY], [0.7, 0.3]);
  expect(meanMs).toBeCloseTo(38, 10);
  expect(perSecond).toBeCloseTo(26.3, 1);
  expect(meanAccuracy).toBeCloseTo(0.924, 10);
});

test('and they are what the program finds for these bounds, by hand and by the solver', () => {
  const bounds = { maxMeanMs: 38.001, minMeanAccuracy: 0.924 };
  for (const found of [optimalShares([LIGHT, HEAVY], bounds), optimalSharesOfTwo([LIGHT, HEAVY], bounds)]) {
    expect(found!.shares[0]).toBeCloseTo(0.7, 6);
    expect(found!.shares[1]).toBeCloseTo(0.3, 6);
  }
});

test('bounds that cannot be had are no shares', () => {
  for (const bounds of [{ minMeanAccuracy: 0.99 }, { maxMeanMs: 10 }, { minMeanAccuracy: 0.96, maxMeanMs: 40 }]) {
    expect(optimalShares([LIGHT, HEAVY], bounds)).toBeUndefined();
    expect(optimalSharesOfTwo([LIGHT, HEAVY], bounds)).toBeUndefined();
  }
});

test('each resource is a bound of its own', () => {
  const small: Path = { ms: 2, accuracy: 0.8, costMs: { cpu: 2 } };
  const large: Path = { ms: 4, accuracy: 1, costMs: { gpu: 4 } };
  const found = optimalShares([small, large], { capacityMs: { cpu: 1_000, gpu: 1_000 } })!;
  expect(found.perSecond).toBeCloseTo(750, 6);
  expect(found.shares[0]).toBeCloseTo(2 / 3, 6);
});

const path = fc.record({ ms: fc.integer({ min: 1, max: 500 }), accuracy: fc.integer({ min: 50, max: 100 }).map((percent) => percent / 100) });
const bounds = fc.record({ maxMeanMs: fc.integer({ min: 1, max: 600 }), minMeanAccuracy: fc.integer({ min: 45, max: 105 }).map((percent) => percent / 100) });

test('two paths: the solver and the closed form agree', () => {
  fc.assert(fc.property(path, path, bounds, (a, b, limits) => {
    // By hand it is the slower one that makes answers better; where it does not, the quicker one is alone.
    const [byHand, solved] = [optimalSharesOfTwo([a, b], limits), optimalShares([a, b], limits)];
    fc.pre(byHand === undefined || Math.abs(byHand.meanMs - limits.maxMeanMs) > 1e-6);
    expect(solved === undefined).toBe(byHand === undefined);
    if (solved !== undefined && byHand !== undefined) expect(solved.perSecond / byHand.perSecond).toBeCloseTo(1, 6);
  }));
});

/** All shares of three paths in steps of 5 %. */
const GRID = Array.from({ length: 21 }, (_, i) => Array.from({ length: 21 - i }, (__, j) => [i / 20, j / 20, (20 - i - j) / 20])).flat();

test('three paths: nothing on a grid of shares is within the bounds and better, and what is found is within them', () => {
  fc.assert(fc.property(fc.tuple(path, path, path), bounds, (paths, limits) => {
    const found = optimalShares(paths, limits);
    for (const shares of GRID) {
      const one = evaluateShares(paths, shares);
      if (one.meanMs > limits.maxMeanMs - 1e-6 || one.meanAccuracy < limits.minMeanAccuracy + 1e-6) continue;
      expect(found?.perSecond ?? 0).toBeGreaterThanOrEqual(one.perSecond * (1 - 1e-6));
    }
    if (found === undefined) return;
    expect(found.meanMs).toBeLessThanOrEqual(limits.maxMeanMs * (1 + 1e-6));
    expect(found.meanAccuracy).toBeGreaterThanOrEqual(limits.minMeanAccuracy - 1e-6);
    expect(found.shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
  }));
});

test('requests that follow each other in a partition are shared out smoothly', () => {
  const shares = [0.7, 0.2, 0.1];
  const counts = [0, 0, 0];
  for (let offset = 0; offset < 400; offset += 1) {
    counts[pick(shares, placeOf(`t.requests/3/${offset}`))]! += 1;
    if (offset >= 20) counts.forEach((count, index) => expect(Math.abs(count - shares[index]! * (offset + 1))).toBeLessThan(3));
  }
});

const variant = (model: string, accuracy: number): Variant => ({
  model, precision: 'fp32', version: '1', status: 'stable', adapter: 'recommend', graphs: {}, limits: {}, lineage: {},
  accuracy: { metric: 'ndcgAt10', value: accuracy, others: {}, data: 'test', date: '2026-01-01' },
});
const coarse: PlanStep = { id: 'coarse', role: 'coarse', model: 'small', after: [], required: false };
const fine: PlanStep = { id: 'fine', role: 'fine', model: 'large', after: ['coarse'], required: false };

function cluster(ms: Record<string, number>): ClusterState {
  const states = [variant('small', 0.9), variant('large', 0.98)].map((known): VariantState =>
    ({ variant: known, workers: 1, halfOpen: 0, probeDue: false, takenOut: 0, queued: 0, outstanding: 0, meanBatchMs: 1, everServed: true }));
  const forecast = ({ variant: { model } }: VariantState): Forecast =>
    ({ backlogMs: 0, queueMs: 0, peakQueueMs: 0, computeMs: ms[model]!, returnMs: 0, soonestMs: ms[model]!, deviationMs: 0, costMs: ms[model]! });
  return { resources: undefined, settled: true, variantsOf: (model) => states.filter((state) => state.variant.model === model), forecast };
}

const taskAt = (offset: number, steps: PlanStep[]): Task => ({
  requestId: `r${offset}`, workload: 'w', key: 'k', lane: 'interactive', task: 'full', tier: 'standard', arrivedAt: 0, deadlineAt: 1_000,
  accuracyFloor: null, activity: 0, input: {}, source: `t/0/${offset}`, marks: [], plan: { id: 'full', strategy: 'rerank', steps },
});

test('whole paths are shared out: as many requests go without the large model as the accuracy allows, and a request stays on its path', () => {
  const policy = optimalSharePolicy({ accuracyShare: 0.924 / 0.98, latencyShare: 1 });
  const kinds = { small: 0, both: 0 };
  for (let offset = 0; offset < 1_000; offset += 1) {
    const task = taskAt(offset, [coarse, fine]);
    const context = { task, previous: {}, now: 1, cluster: cluster({ small: 20, large: 60 }) };
    expect(decide(policy, { ...context, step: coarse }).kind).toBe('dispatch');
    const decision = decide(policy, { ...context, step: fine });
    expect(decision).toEqual(decide(policy, { ...context, step: fine, now: 400 }));
    kinds[decision.kind === 'skip' ? 'small' : 'both'] += 1;
  }
  expect(kinds.small / 1_000).toBeCloseTo(0.7, 2);
});

/** @param over the same everywhere: 10 ms for one request, 20 for two */
function beatOf(instance: string, pool: string, sessions: number, models: readonly string[], over: Partial<Heartbeat['variants'][number]> = {}): Heartbeat {
  const batchTimes = [{ size: 1, ms: 10, samples: 10 }, { size: 2, ms: 20, samples: 10 }];
  const variants = models.map((model) => ({ model, precision: 'fp32', version: '1', queued: 0, running: 0, completed: 0, failed: 0, meanBatchSize: 1, meanBatchMs: 10, batchTimes, ...over }));
  return { kind: 'worker', instance, time: 0, pool, sessions, resources: { time: 0, cpuCores: 1, memoryBytes: 1, memoryFreeBytes: 1 }, variants };
}

function placesOf(beats: readonly Heartbeat[], steps: PlanStep[]): { by: Record<string, number>; reason: string } {
  const [seen, policy] = [new Cluster({ variants: [variant('small', 0.9), variant('large', 0.9)], startedAt: 0 }), optimalSharePolicy({ latencyShare: 1 })];
  for (const beat of beats) seen.beat(beat, 1);
  const by: Record<string, number> = {};
  let reason = '';
  for (let offset = 0; offset < 1_000; offset += 1) {
    const decision = decide(policy, { task: taskAt(offset, steps), step: steps[0]!, previous: {}, now: 1, cluster: seen.state(1) });
    if (decision.kind === 'dispatch') by[decision.pool ?? ''] = (by[decision.pool ?? ''] ?? 0) + 1;
    reason = decision.reason;
  }
  return { by, reason };
}

const first = (model: string): PlanStep => ({ id: 'coarse', role: 'coarse', model, after: [], required: true });

test('a pool gets as much as its sessions can do, as its workers’ heartbeats count them', () => {
  const { by, reason } = placesOf([beatOf('a', 'few', 1, ['small']), beatOf('b', 'many', 2, ['small']), beatOf('c', 'many', 1, ['small'])], [first('small')]);
  expect([by['few'], by['many']].map((count) => Math.round(count! / 50))).toEqual([5, 15]);
  expect(reason).toContain('400/s)');
});

test('what a worker has taken out is nothing that it could do', () => {
  const { reason } = placesOf([beatOf('a', 'few', 1, ['small']), beatOf('b', 'many', 2, ['small']), beatOf('c', 'many', 1, ['small'], { breaker: 'open' })], [first('small')]);
  expect(reason).toContain('300/s)');
});

test('of a pool whose workers do not all serve a variant, only those that do count for it', () => {
  const beats = [beatOf('a', 'one', 1, ['small']), beatOf('b', 'one', 3, ['large'])];
  expect(placesOf(beats, [first('small')]).reason).toContain('100/s)');
  expect(placesOf(beats, [first('small'), { ...first('large'), id: 'fine', after: ['coarse'] }]).reason).toContain('100/s)');
});

test('where there is nothing to share out, the reason says why', () => {
  expect(placesOf([beatOf('a', 'one', 1, ['small'], { batchTimes: [], meanBatchMs: 0 })], [first('small')]).reason).toContain('nothing is known of the times yet');
  expect(placesOf([beatOf('a', 'one', 1, ['small'])], [first('small'), { ...first('large'), id: 'fine', after: ['coarse'] }]).reason).toContain('nobody serves large now');
  const steps = Array.from({ length: 4 }, (_, index) => ({ ...first('small'), id: `step ${index}` }));
  const pools = ['a', 'b', 'c'].map((pool) => beatOf(pool, pool, 1, ['small']));
  expect(placesOf(pools, steps).reason).toContain('more than 64 ways through the plan');
  expect(placesOf(pools, steps.slice(0, 3)).reason).toContain('% go this way');
});
