import { expect, test } from 'vitest';
import type { PlanStep, ResourceSample, StepEnd, StepResult, Task, Variant } from '@tandem/schemas';
import { decide, nextStep, readySteps } from './decide.ts';
import { fixedPolicy } from './fixed.ts';
import { thresholdPolicy } from './threshold.ts';
import type { DecisionContext, VariantState } from './types.ts';

function variantState(precision: string, accuracy: number, batch32 = 1): VariantState {
  const variant: Variant = {
    model: 'ranker', precision, version: '1', status: 'stable', adapter: 'recommend', graphs: {}, limits: {},
    accuracy: { metric: 'ndcgAt10', value: accuracy, others: {}, data: 'test', date: '2026-01-01' },
    lineage: { millisecondsPerRequest: { batch32 } },
  };
  return { variant, workers: 1, halfOpen: 0, probeDue: false, takenOut: 0, queued: 0, outstanding: 0, meanBatchMs: 0, everServed: true };
}

function completed(result: StepResult): StepEnd {
  const run = { model: 'm', precision: 'fp32', version: '1', batchSize: 1, queueMs: 0, computeMs: 1, reason: 'test' };
  return { kind: 'completed', run, result };
}

function context(over: {
  role?: PlanStep['role']; use?: number; freeBytes?: number; accelerator?: boolean; floor?: number;
  deadlineAt?: number | null; confidence?: number; skipWhenConfident?: number; variants?: VariantState[];
}): DecisionContext {
  const use = over.use ?? 0.1;
  const free = over.freeBytes ?? 20e9;
  const resources: ResourceSample = {
    time: 0, cpuCores: 2, memoryBytes: 24e9, memoryFreeBytes: free, cpuUse: use,
    ...(over.accelerator === true ? { accelerator: { name: 'gpu', use, memoryBytes: 80e9, memoryFreeBytes: free } } : {}),
  };
  const step: PlanStep = {
    id: 'fine', role: over.role ?? 'fine', model: 'ranker', after: ['coarse'], required: false,
    ...(over.skipWhenConfident === undefined ? {} : { skipWhenConfident: over.skipWhenConfident }),
  };
  const task: Task = {
    requestId: 'r', workload: 'w', key: 'k', lane: 'interactive', task: 'full', tier: 'standard', arrivedAt: 0,
    deadlineAt: over.deadlineAt ?? null, accuracyFloor: over.floor ?? null, activity: 0, input: {}, source: 't/0/0', marks: [],
    plan: { id: 'full', strategy: 'rerank', steps: [step] },
  };
  const previous = over.confidence === undefined ? {} : { coarse: completed({ items: [1], scores: [1], confidence: over.confidence }) };
  const variants = over.variants ?? [variantState('fp32', 0.2), variantState('fp16', 0.2), variantState('int8', 0.19)];
  return { task, step, previous, now: 1_000, cluster: { resources, variantsOf: () => variants, forecast: () => undefined, settled: true } };
}

const precision = (over: Parameters<typeof context>[0]) => {
  const decision = decide(thresholdPolicy(), context(over));
  return decision.kind === 'dispatch' ? decision.precision : decision.kind;
};

test('without an accelerator, fp32 stands where the rules name fp16 and fp16 gains nothing', () => {
  expect(precision({ role: 'coarse', use: 0.5 })).toBe('fp32');
  expect(precision({ role: 'fine', use: 0.5 })).toBe('fp32');
});

test('fp16 is chosen where it was measured to gain', () => {
  const variants = [variantState('fp32', 0.2, 2), variantState('fp16', 0.2, 1), variantState('int8', 0.19, 1)];
  expect(precision({ role: 'fine', use: 0.5, accelerator: true, variants })).toBe('fp16');
});

test('coarse work takes int8 only above 0.8 of use, fine work from 0.7 on', () => {
  expect(precision({ role: 'coarse', use: 0.8 })).toBe('fp32');
  expect(precision({ role: 'coarse', use: 0.81 })).toBe('int8');
  expect(precision({ role: 'fine', use: 0.69 })).toBe('fp32');
  expect(precision({ role: 'fine', use: 0.7 })).toBe('int8');
});

test('fine work takes int8 when memory is short', () => {
  expect(precision({ role: 'fine', use: 0.1, freeBytes: 9e9 })).toBe('int8');
});

test('a use that nobody knows is not taken for none: what asks for it does not hold, and the reason says so', () => {
  const at = (role: PlanStep['role'], resources: ResourceSample | undefined) => {
    const asked = context({ role });
    return decide(thresholdPolicy(), { ...asked, cluster: { ...asked.cluster, resources } });
  };
  const cpu: ResourceSample = { time: 0, cpuCores: 2, memoryBytes: 24e9, memoryFreeBytes: 20e9 };
  const partitioned: ResourceSample = { ...cpu, cpuUse: 0.1, accelerator: { name: 'gpu', memoryBytes: 80e9, memoryFreeBytes: 70e9 } };
  for (const resources of [partitioned, cpu, undefined]) {
    expect(at('fine', resources)).toMatchObject({ precision: 'int8', reason: expect.stringContaining('unknown') });
    expect(at('coarse', resources)).toMatchObject({ precision: 'fp32', reason: expect.stringContaining('unknown') });
  }
});

test('the accuracy floor is a share of the best variant and rules out what lies below', () => {
  expect(precision({ role: 'fine', use: 0.9, floor: 0.98 })).not.toBe('int8');
  expect(precision({ role: 'fine', use: 0.9, floor: 0.9 })).toBe('int8');
});

test('a step after a confident one is skipped, with the numbers in the reason', () => {
  const decision = decide(thresholdPolicy(), context({ confidence: 0.97, skipWhenConfident: 0.95 }));
  expect(decision).toEqual({ kind: 'skip', reason: 'confidence 0.970 ≥ 0.95' });
  expect(precision({ confidence: 0.94, skipWhenConfident: 0.95 })).toBe('fp32');
  expect(precision({ confidence: NaN, skipWhenConfident: 0.95 })).toBe('fp32');
});

test('a request that allows some loss skips the step from the confidence on that keeps its floor; one that allows none never does', () => {
  const skipAtFloor = [{ floor: 0.99, confidence: 0.5 }, { floor: 0.95, confidence: 0.3 }];
  const at = (confidence: number, floor: number | null) => {
    const asked = context({ confidence, ...(floor === null ? {} : { floor }) });
    return decide(thresholdPolicy(), { ...asked, step: { ...asked.step, skipAtFloor } }).kind;
  };
  expect([at(0.5, 0.99), at(0.49, 0.99), at(0.49, 0.97), at(0.5, 0.97), at(0.3, 0.95)]).toEqual(['skip', 'dispatch', 'dispatch', 'skip', 'skip']);
  expect([at(0.99, 0.999), at(0.99, 0), at(0.99, null)]).toEqual(['dispatch', 'dispatch', 'dispatch']);
});

test('work whose deadline has passed is not dispatched', () => {
  expect(precision({ deadlineAt: 1_000 })).toBe('expire');
  expect(precision({ deadlineAt: 1_001 })).toBe('fp32');
});

test('a model without workers fails the step with a stable code', () => {
  expect(decide(thresholdPolicy(), context({ variants: [] }))).toMatchObject({ kind: 'fail', code: 'no_variant' });
});

test('a model that is registered but not served fails at once where a deadline would pass, and waits where there is none', () => {
  const variants = [{ ...variantState('fp32', 0.2), workers: 0 }];
  expect(decide(thresholdPolicy(), context({ variants, deadlineAt: 2_000 }))).toMatchObject({ kind: 'fail', code: 'no_variant' });
  expect(decide(thresholdPolicy(), context({ variants, deadlineAt: null }))).toMatchObject({ kind: 'dispatch', precision: 'fp32' });
});

test('the fixed policy never changes its precision', () => {
  const chosen = decide(fixedPolicy('fp32'), context({ use: 0.99 }));
  expect(chosen).toMatchObject({ kind: 'dispatch', precision: 'fp32' });
  expect(decide(fixedPolicy('int4'), context({}))).toMatchObject({ kind: 'fail', code: 'no_variant' });
});

test('while no worker is alive, work without a deadline waits where some worker has served before', () => {
  const gone = (precision: string, everServed: boolean) => ({ ...variantState(precision, 0.2), workers: 0, everServed });
  const variants = [gone('fp32', false), gone('int8', true)];
  expect(decide(thresholdPolicy(), context({ variants }))).toMatchObject({ kind: 'dispatch', precision: 'int8' });
});

test('while no worker has ever served the model nobody knows which variant one will: the decision waits, but not beyond the deadline', () => {
  const variants = ['fp32', 'int8'].map((precision) => ({ ...variantState(precision, 0.2), workers: 0, everServed: false }));
  expect(decide(thresholdPolicy(), context({ variants, deadlineAt: null }))).toMatchObject({ kind: 'wait' });
  expect(decide(thresholdPolicy(), context({ variants, deadlineAt: 1_500 }))).toMatchObject({ kind: 'fail', code: 'no_variant' });
});

test('work goes to the pool of the workers that serve it', () => {
  const variants = [{ ...variantState('fp32', 0.2), workers: 0 }, { ...variantState('fp32', 0.2), pool: 'gpu' }];
  expect(decide(thresholdPolicy(), context({ variants }))).toMatchObject({ kind: 'dispatch', pool: 'gpu' });
});

test('steps become ready when all that they come after is done', () => {
  const step = (id: string, after: string[]): PlanStep => ({ id, role: 'member', model: 'm', after, required: false });
  const steps = [step('a', []), step('b', []), step('c', ['a']), step('d', ['c', 'a'])];
  expect(readySteps(steps, {}, undefined).map(({ id }) => id)).toEqual(['a', 'b']);
  const ended = { kind: 'skipped', reason: 'a test' } as const;
  expect(readySteps(steps, { a: ended }, 'a').map(({ id }) => id)).toEqual(['c']);
  expect(readySteps(steps, { a: ended, c: ended }, 'c').map(({ id }) => id)).toEqual(['d']);
  expect(nextStep(steps, { a: ended }).map(({ id }) => id)).toEqual(['b']);
  expect(nextStep(steps, { a: ended, b: ended, c: ended, d: ended })).toEqual([]);
});

const outOfService = { workers: 0, takenOut: 1 };

test('a variant that its workers have taken out is passed over', () => {
  const variants = [{ ...variantState('fp32', 0.2), ...outOfService }, variantState('int8', 0.19)];
  expect(precision({ variants })).toBe('int8');
});

test('one that is being tried again gets the one request that tries it, and the rest goes elsewhere', () => {
  const halfOpen = { ...variantState('fp32', 0.2), workers: 0, halfOpen: 1 };
  expect(precision({ variants: [{ ...halfOpen, probeDue: true }, variantState('int8', 0.19)] })).toBe('fp32');
  expect(precision({ variants: [halfOpen, variantState('int8', 0.19)] })).toBe('int8');
  expect(precision({ variants: [halfOpen, { ...variantState('int8', 0.19), ...outOfService }] })).toBe('fp32');
});

test.each([2_000, null])('where every variant is taken out, the step fails at once (deadline %s)', (deadlineAt) => {
  const variants = [{ ...variantState('fp32', 0.2), ...outOfService }, { ...variantState('int8', 0.19), workers: 0 }];
  expect(decide(thresholdPolicy(), context({ variants, deadlineAt }))).toMatchObject({ kind: 'fail', code: 'variant_unavailable' });
});

test('variants that would not run the step are not asked again', () => {
  const variants = [variantState('fp32', 0.2), variantState('int8', 0.19)];
  const tried = (...names: string[]) => decide(thresholdPolicy(), { ...context({ variants }), tried: names });
  expect(tried('ranker.fp32')).toMatchObject({ kind: 'dispatch', precision: 'int8' });
  expect(tried('ranker.fp32', 'ranker.int8')).toMatchObject({ kind: 'fail', code: 'variant_unavailable' });
});

test('work that was refused does not wait for a worker to come', () => {
  const variants = [variantState('fp32', 0.2), { ...variantState('int8', 0.19), workers: 0 }];
  expect(decide(thresholdPolicy(), { ...context({ variants, deadlineAt: null }), tried: ['ranker.fp32'] })).toMatchObject({ kind: 'fail', code: 'variant_unavailable' });
});

test('a precision that a rule wants is taken where it is served and keeps the floor; else the policy chooses as ever', () => {
  const wanting = (precision: string, floor?: number) => {
    const at = context(floor === undefined ? {} : { floor });
    return decide(thresholdPolicy(), { ...at, task: { ...at.task, precision } });
  };
  expect(wanting('int8')).toMatchObject({ kind: 'dispatch', precision: 'int8' });
  expect(wanting('int8', 0.99)).toMatchObject({ kind: 'dispatch', precision: 'fp32' });
  expect(wanting('int4')).toMatchObject({ kind: 'dispatch', precision: 'fp32' });
});
