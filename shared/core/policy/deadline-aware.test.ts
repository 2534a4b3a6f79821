import { expect, test } from 'vitest';
import fc from 'fast-check';
import type { Heartbeat, PlanStep, StepEnds, Task, Variant } from '@tandem/schemas';
import { Cluster } from './cluster.ts';
import { deadlineAwarePolicy } from './deadline-aware.ts';
import { decide } from './decide.ts';
import { expectedMsOf, readExpectation } from './expectation.ts';
import type { ClusterState, Decision, Forecast, VariantState } from './types.ts';

const variant = (model: string, precision: string, accuracy: number): Variant => ({
  model, precision, version: '1', status: 'stable', adapter: 'recommend', graphs: {}, limits: {}, lineage: {},
  accuracy: { metric: 'ndcgAt10', value: accuracy, others: {}, data: 'test', date: '2026-01-01' },
});
const FP32 = variant('large', 'fp32', 0.2);
const INT8 = variant('large', 'int8', 0.19);
const SMALL = variant('small', 'fp32', 0.17);
const step = (over: Partial<PlanStep> = {}): PlanStep => ({ id: 'fine', role: 'fine', model: 'large', after: [], required: false, ...over });

const task = (over: Partial<Task> = {}, steps: PlanStep[] = [step()]): Task => ({
  requestId: 'r', workload: 'w', key: 'k', lane: 'interactive', task: 'full', tier: 'standard', arrivedAt: 0, deadlineAt: 1_050,
  accuracyFloor: null, activity: 0, input: {}, source: 't/0/0', marks: [], plan: { id: 'full', strategy: 'rerank', steps }, ...over,
});

interface Expected {
  queue?: number;
  peakQueue?: number;
  compute?: number;
  cost?: number;
}

/** @param byVariant what is expected of each: by default quick, at a cost that follows its accuracy */
function clusterOf(byVariant: ReadonlyMap<Variant, Expected>): ClusterState {
  const states = [...byVariant].map(([known]): VariantState =>
    ({ variant: known, workers: 1, halfOpen: 0, probeDue: false, takenOut: 0, queued: 0, outstanding: 0, meanBatchMs: 1, everServed: true }));
  return {
    resources: undefined, settled: true,
    variantsOf: (model) => states.filter((state) => state.variant.model === model),
    forecast({ variant: known }): Forecast {
      const { queue = 1, peakQueue = queue, compute = 1, cost = 10 * known.accuracy.value } = byVariant.get(known)!;
      return { backlogMs: queue, queueMs: queue, peakQueueMs: peakQueue, computeMs: compute, returnMs: 1, soonestMs: queue + compute + 1, deviationMs: 0, costMs: cost };
    },
  };
}

function choose(byVariant: [Variant, Expected][], over: { task?: Task; step?: PlanStep; previous?: StepEnds; answerMarginMs?: number } = {}): Decision {
  const asked = over.task ?? task();
  return decide(deadlineAwarePolicy(), { task: asked, step: over.step ?? asked.plan.steps[0]!, previous: over.previous ?? {}, now: 1_000, cluster: { ...clusterOf(new Map(byVariant)), answerMarginMs: over.answerMarginMs ?? 0 } });
}

test('the most accurate variant that is in time is chosen', () => {
  expect(choose([[FP32, {}], [INT8, {}]])).toMatchObject({ kind: 'dispatch', precision: 'fp32' });
  expect(choose([[FP32, { compute: 60 }], [INT8, { compute: 20 }]])).toMatchObject({ kind: 'dispatch', precision: 'int8' });
});

test('what nothing is known of is tried where it would be the best, and not because the CPU is short', () => {
  const cluster = (cpuUse: number): ClusterState => {
    const known = clusterOf(new Map([[FP32, {}], [INT8, {}]]));
    return { ...known, resources: { cpuUse } as ClusterState['resources'], forecast: (state, ...rest) => (state.variant === unknown ? undefined : known.forecast(state, ...rest)) };
  };
  let unknown = INT8;
  const chosen = (cpuUse: number) => decide(deadlineAwarePolicy(), { task: task(), step: step(), previous: {}, now: 1_000, cluster: cluster(cpuUse) });
  expect(chosen(0.99)).toMatchObject({ precision: 'fp32' });
  unknown = FP32;
  expect(chosen(0.99)).toMatchObject({ precision: 'int8' });
  expect(chosen(0.1)).toMatchObject({ precision: 'fp32' });
});

test('of variants that validation cannot tell apart the cheapest is chosen, of others the most accurate', () => {
  const alike = variant('large', 'fp16', 0.1995);
  expect(choose([[FP32, { cost: 2 }], [alike, { cost: 1 }]])).toMatchObject({ precision: 'fp16', reason: expect.stringContaining('as good as the best') });
  expect(choose([[FP32, { cost: 2 }], [INT8, { cost: 1 }]])).toMatchObject({ precision: 'fp32' });
});

test('energy counts where it is measured of all that could be chosen', () => {
  const cluster = (joules: [number, number | undefined]): ClusterState => {
    const plain = clusterOf(new Map<Variant, Expected>([[FP32, {}], [INT8, {}]]));
    const of = { fp32: joules[0], int8: joules[1] } as Record<string, number | undefined>;
    return { ...plain, forecast: (state, tier) => ({ ...plain.forecast(state, tier)!, ...(of[state.variant.precision] === undefined ? {} : { joules: of[state.variant.precision]! }) }) };
  };
  const precision = (joules: [number, number | undefined], accuracyPerJoule: number) =>
    decide(deadlineAwarePolicy({ accuracyPerJoule }), { task: task(), step: step(), previous: {}, now: 1_000, cluster: cluster(joules) });
  expect(precision([0.5, 0.2], 0)).toMatchObject({ precision: 'fp32' });
  expect(precision([0.5, 0.2], 0.1)).toMatchObject({ precision: 'int8' });
  expect(precision([0.5, undefined], 0.1)).toMatchObject({ precision: 'fp32' });
});

test('the dearer one needs room to spare, the cheapest only has to be in time', () => {
  expect(choose([[FP32, { queue: 35 }], [INT8, { queue: 35 }]])).toMatchObject({ precision: 'int8' });
  expect(choose([[FP32, { queue: 20 }], [INT8, { queue: 20 }]])).toMatchObject({ precision: 'fp32' });
});

test('just after a peak of the load the dearer one is not tried again', () => {
  expect(choose([[FP32, { peakQueue: 35 }], [INT8, { peakQueue: 35 }]])).toMatchObject({ precision: 'int8' });
});

test('on machines that are used up only the cheapest is chosen, however short the queues are', () => {
  const cluster = clusterOf(new Map<Variant, Expected>([[FP32, {}], [INT8, {}]]));
  const at = (cpuUse: number) => decide(deadlineAwarePolicy(), {
    task: task(), step: step(), previous: {}, now: 1_000, cluster: { ...cluster, resources: { time: 0, cpuCores: 2, memoryBytes: 1, memoryFreeBytes: 1, cpuUse } },
  });
  expect([at(0.5), at(0.99)]).toMatchObject([{ precision: 'fp32' }, { precision: 'int8' }]);
});

test('where the accelerator does not tell its use the CPU’s counts, and where neither is known the queues decide', () => {
  const cluster = clusterOf(new Map<Variant, Expected>([[FP32, {}], [INT8, {}]]));
  const at = (cpuUse: number | undefined) => decide(deadlineAwarePolicy(), {
    task: task(), step: step(), previous: {}, now: 1_000,
    cluster: { ...cluster, resources: { time: 0, cpuCores: 2, memoryBytes: 1, memoryFreeBytes: 1, ...(cpuUse === undefined ? {} : { cpuUse }), accelerator: { name: 'gpu', memoryBytes: 1, memoryFreeBytes: 1 } } },
  });
  expect(at(0.99)).toMatchObject({ precision: 'int8' });
  expect(at(0.1)).toMatchObject({ precision: 'fp32' });
  expect(at(undefined)).toMatchObject({ precision: 'fp32' });
});

test('a variant below the accuracy floor is not chosen, however late the others are', () => {
  const decision = choose([[FP32, { queue: 100 }], [INT8, {}]], { task: task({ accuracyFloor: 0.98 }) });
  expect(decision).toMatchObject({ kind: 'fail', code: 'overload' });
});

test('what cannot be in time is shed, and the reason says what was expected', () => {
  const decision = choose([[FP32, { queue: 90 }], [INT8, { queue: 80 }]]);
  expect(decision).toMatchObject({ kind: 'fail', code: 'overload' });
  expect(decision).toHaveProperty('reason', expect.stringMatching(/needs 82 ms for tier standard even at int8, 50 ms are left/));
});

test('with nothing waiting the cheapest is tried even if it is expected to be late: only what runs tells', () => {
  expect(choose([[FP32, { queue: 0, compute: 90 }], [INT8, { queue: 0, compute: 80 }]])).toMatchObject({ kind: 'dispatch', precision: 'int8' });
});

test('a model that the plan names stands in before anything is shed, unless it is not good enough', () => {
  const fallbacks = { fallbacks: ['small'] };
  const overloaded: [Variant, Expected][] = [[FP32, { queue: 90 }], [SMALL, { queue: 10 }]];
  expect(choose(overloaded, { step: step(fallbacks) })).toMatchObject({ kind: 'dispatch', model: 'small', precision: 'fp32' });
  expect(choose(overloaded, { step: step(fallbacks), task: task({ accuracyFloor: 0.9 }) })).toMatchObject({ kind: 'fail', code: 'overload' });
});

const coarseThenFine = [step({ id: 'coarse', role: 'coarse', model: 'small' }), step({ after: ['coarse'] })];
const SMALL_INT8 = variant('small', 'int8', 0.16);

test('the steps after one have their share of the time', () => {
  const later: [Variant, Expected] = [FP32, { queue: 30 }];
  const decision = choose([[SMALL, { queue: 6, cost: 2 }], [SMALL_INT8, { queue: 6, cost: 1 }], later], { task: task({}, coarseThenFine) });
  expect(decision).toMatchObject({ model: 'small', precision: 'int8' });
  expect(choose([[SMALL, { queue: 6, cost: 2 }], [SMALL_INT8, { queue: 6, cost: 1 }], [FP32, {}]], { task: task({}, coarseThenFine) })).toMatchObject({ precision: 'fp32' });
});

test('a later step that nobody insists on gives way', () => {
  const decision = choose([[SMALL, { queue: 20 }], [FP32, { queue: 90 }]], { task: task({}, coarseThenFine) });
  expect(decision).toMatchObject({ kind: 'dispatch', model: 'small' });
  const required = [coarseThenFine[0]!, { ...coarseThenFine[1]!, required: true }];
  expect(choose([[SMALL, { queue: 20 }], [FP32, { queue: 90 }]], { task: task({}, required) })).toMatchObject({ kind: 'fail', code: 'overload' });
});

test('once its first step is shed, a request is not worth the others', () => {
  const shed: StepEnds = { coarse: { kind: 'failed', code: 'overload', message: 'x' } };
  expect(choose([[SMALL, {}], [FP32, {}]], { task: task({}, coarseThenFine), step: coarseThenFine[1]!, previous: shed })).toMatchObject({ kind: 'fail', code: 'overload' });
});

test('without a deadline people get the best, and bulk the cheapest of what is about as good', () => {
  const almost = variant('large', 'int8', 0.199);
  expect(choose([[FP32, { queue: 9_000 }], [almost, {}]], { task: task({ deadlineAt: null }) })).toMatchObject({ precision: 'fp32' });
  expect(choose([[FP32, {}], [almost, {}]], { task: task({ deadlineAt: null, lane: 'bulk' }) })).toMatchObject({ precision: 'int8' });
  expect(choose([[FP32, {}], [INT8, {}]], { task: task({ deadlineAt: null, lane: 'bulk' }) })).toMatchObject({ precision: 'fp32' });
});

test('what was expected can be read from the reason', () => {
  const decision = choose([[FP32, { queue: 3, compute: 2 }]]);
  expect(decision.kind === 'dispatch' && readExpectation(decision.reason)).toEqual({ queueMs: 3, computeMs: 2, doneInMs: 6 });
});

const times = fc.record({ queue: fc.float({ min: 0, max: 200, noNaN: true }), compute: fc.float({ min: 0, max: 100, noNaN: true }), cost: fc.float({ min: 0, max: 10, noNaN: true }) });

test('whatever is chosen with a backlog is in time, and nothing in time is shed', () => {
  fc.assert(fc.property(times, times, fc.integer({ min: 1, max: 300 }), (full, quantised, left) => {
    const decision = choose([[FP32, full], [INT8, quantised]], { task: task({ deadlineAt: 1_000 + left }) });
    const needs = [full, quantised].map(({ queue, compute }) => queue + compute + 1);
    if (decision.kind === 'dispatch' && decision.forecast!.backlogMs >= 1) expect(expectedMsOf(decision.forecast!)).toBeLessThanOrEqual(left);
    const cheapest = full.cost < quantised.cost || (full.cost === quantised.cost && needs[0]! < needs[1]!) ? 0 : 1;
    if (needs[cheapest]! <= left) expect(decision.kind).toBe('dispatch');
  }));
});

test('what cannot be with fusion before it answers counts as late', () => {
  const need = { queue: 60, compute: 30, cost: 1 };
  const late = (answerMarginMs: number) => choose([[FP32, need]], { task: task({ deadlineAt: 1_100 }), answerMarginMs }).kind;
  expect(late(5)).toBe('dispatch');
  expect(late(20)).toBe('fail');
  expect(late(100)).toBe('expire');
});

/** Workers with two sessions, batches of 1 + n·cost ms; requests of both tiers at a steady rate, all with the same deadline. */
function simulate({ perSecond, vipShare, seconds, deadlineMs }: { perSecond: number; vipShare: number; seconds: number; deadlineMs: number }) {
  const cluster = new Cluster({ variants: [FP32, INT8], startedAt: 0 });
  const costs = new Map([['fp32', 1], ['int8', 0.5]]);
  const curve = (cost: number) => [1, 8, 32].map((size) => ({ size, ms: 1 + cost * size, samples: 100 }));
  const load = (precision: string) => ({ model: 'large', precision, version: '1', queued: 0, running: 0, completed: 0, failed: 0, meanBatchSize: 1, meanBatchMs: 1, batchTimes: curve(costs.get(precision)!) });
  const beat = (now: number): Heartbeat => ({ kind: 'worker', instance: 'w', time: now, sessions: 2, variants: [load('fp32'), load('int8')], resources: { time: now, cpuCores: 2, memoryBytes: 1, memoryFreeBytes: 1 } });
  const policy = deadlineAwarePolicy();
  const queues = { vip: [] as Queued[], standard: [] as Queued[] };
  const virtual = { vip: 0, standard: 0 };
  const running: { endsAt: number; batch: Queued[]; precision: string }[] = [];
  const counts = { vip: tally(), standard: tally() };
  const chosen: string[] = [];
  let number = 0;
  for (let now = 0; now < seconds * 1_000; now += 1) {
    if (now % 500 === 0) cluster.beat(beat(now), now);
    for (let index = running.length - 1; index >= 0; index -= 1) {
      const { endsAt, batch, precision } = running[index]!;
      if (endsAt > now) continue;
      running.splice(index, 1);
      for (const { request, dispatchedAt, startedAt } of batch) {
        counts[request.tier as Tier][now <= request.deadlineAt! ? 'inTime' : 'late'] += 1;
        const run = { model: 'large', precision, version: '1', batchSize: batch.length, queueMs: startedAt! - dispatchedAt, computeMs: endsAt - startedAt!, reason: '' };
        cluster.returned({ kind: 'completed', requestId: request.requestId, step: 'fine', run } as never, now);
      }
    }
    for (; number < ((now + 1) * perSecond) / 1_000; number += 1) {
      const request = task({ requestId: `r${number}`, tier: (number * 7919) % 100 < vipShare * 100 ? 'vip' : 'standard', deadlineAt: now + deadlineMs });
      const tier = request.tier as Tier;
      counts[tier].offered += 1;
      const decision = decide(policy, { task: request, step: step(), previous: {}, now, cluster: cluster.state(now) });
      if (decision.kind !== 'dispatch') {
        counts[tier].shed += 1;
        cluster.shed('large', now);
        continue;
      }
      const { precision, forecast } = decision;
      if (tier === 'standard') chosen.push(precision);
      counts[tier][precision as 'fp32' | 'int8'] += 1;
      cluster.dispatched({ requestId: request.requestId, step: 'fine', model: 'large', precision, lane: 'interactive', tier, forecast, dispatchedAt: now });
      queues[tier].push({ request, precision, dispatchedAt: now });
    }
    while (running.length < 2 && queues.vip.length + queues.standard.length > 0) {
      const next = () => queues.standard.length === 0 || (queues.vip.length > 0 && virtual.vip <= virtual.standard) ? 'vip' : 'standard';
      const { precision } = queues[next()][0]!;
      const batch: Queued[] = [];
      const skipped = new Set<Tier>();
      while (batch.length < 32 && skipped.size < 2) {
        const turn = next();
        const tier = skipped.has(turn) ? (turn === 'vip' ? 'standard' : 'vip') : turn;
        const at = queues[tier].findIndex((one) => one.precision === precision);
        if (at < 0) skipped.add(tier);
        else batch.push({ ...queues[tier].splice(at, 1)[0]!, startedAt: now });
        const other = tier === 'vip' ? 'standard' : 'vip';
        virtual[tier] += at < 0 ? 0 : costs.get(precision)! / (tier === 'vip' ? 4 : 1);
        if (queues[other].length === 0) virtual[other] = Math.max(virtual[other], virtual[tier]);
      }
      running.push({ endsAt: now + 1 + costs.get(precision)! * batch.length, batch, precision });
    }
  }
  const switches = chosen.filter((precision, index) => index > 0 && precision !== chosen[index - 1]).length;
  return { counts, switches, dispatched: chosen.length };
}

type Tier = 'vip' | 'standard';

interface Queued {
  request: Task;
  precision: string;
  dispatchedAt: number;
  startedAt?: number;
}

const tally = () => ({ offered: 0, inTime: 0, late: 0, shed: 0, fp32: 0, int8: 0 });

test('simulated at a third of the capacity, everybody has the best variant in time', () => {
  const { counts: { standard, vip }, switches } = simulate({ perSecond: 600, vipShare: 0.2, seconds: 3, deadlineMs: 50 });
  expect(standard.shed + vip.shed + standard.late + vip.late).toBe(0);
  expect(switches).toBe(0);
  expect(standard.int8 + vip.int8).toBe(0);
});

test('simulated above the capacity of the best variant, the cheaper one takes over without flapping, and nearly all are in time', () => {
  const { counts: { standard, vip }, switches } = simulate({ perSecond: 2_500, vipShare: 0.2, seconds: 5, deadlineMs: 50 });
  expect(standard.inTime + vip.inTime).toBeGreaterThan(0.99 * (standard.offered + vip.offered));
  expect(standard.int8).toBeGreaterThan(standard.fp32);
  expect(vip.fp32 / vip.offered).toBeGreaterThan(2 * (standard.fp32 / standard.offered));
  // A change of mind about every 200 requests at most.
  expect(switches).toBeLessThan(80);
});

test('simulated above the capacity, tiers of small weight are shed first, nobody starves, and nearly all of the capacity answers in time', () => {
  const { counts: { standard, vip } } = simulate({ perSecond: 5_000, vipShare: 0.2, seconds: 4, deadlineMs: 50 });
  expect(vip.shed).toBeLessThan(0.02 * vip.offered);
  expect(standard.shed).toBeGreaterThan(0.2 * standard.offered);
  expect(standard.inTime).toBeGreaterThan(0.5 * standard.offered);
  const capacity = 4 * (2 * 32_000) / (1 + 0.5 * 32);
  expect(standard.inTime + vip.inTime).toBeGreaterThan(0.85 * capacity);
  expect(standard.late + vip.late).toBeLessThan(0.12 * (standard.offered + vip.offered));
});
