import type { PlanStep, Task } from '@tandem/schemas';
import { expect, test } from 'vitest';
import { deadlineAwarePolicy, fixedPolicy, type DecisionContext, type Forecast, type VariantState } from '../policy/index.ts';
import { promoted, rolledBack, stopped } from './changes.ts';
import { decideInExperiment } from './decide-arm.ts';
import { ExperimentBook } from './experiment-book.ts';
import { cluster, running, state, variant } from './testing.ts';

const change = { by: 'me', time: 2_000, why: 'because' };
const FP32 = variant('large', 'fp32', 0.9);
const INT8 = variant('large', 'int8', 0.8);
const step: PlanStep = { id: 'fine', role: 'fine', model: 'large', after: [], required: false };

function task(arm: string, over: Partial<Task> = {}): Task {
  return {
    requestId: 'r', workload: 'w', key: 'u', lane: 'interactive', task: 'fine', tier: 'standard', arrivedAt: 0, deadlineAt: 1_000, accuracyFloor: null, activity: 0, input: {},
    source: 's', marks: [], plan: { id: 'p', strategy: 'rerank', steps: [step] }, experiments: [{ experiment: 'split', arm }], ...over,
  };
}

interface Case {
  arm?: string;
  control?: ReturnType<typeof running>;
  states?: VariantState[];
  policy?: Parameters<typeof decideInExperiment>[0];
  tried?: string[];
  over?: Partial<Task>;
  forecast?: (state: VariantState) => Forecast | undefined;
}

function decided({ arm = 'b', control = running(), states = [state(FP32), state(INT8)], policy = deadlineAwarePolicy(), tried = [], over = {}, forecast = () => undefined }: Case = {}) {
  const book = new ExperimentBook();
  book.update([control]);
  const context: DecisionContext = { task: task(arm, over), step, previous: {}, tried, now: 0, cluster: { ...cluster(states), forecast } };
  return decideInExperiment(policy, context, book.ruling(context.task, step));
}

test.each([['a', 'fp32'], ['b', 'int8']])('the variant of arm %s runs the step, and the reason says so', (arm, precision) => {
  const { decision, experiment } = decided({ arm });
  expect(decision).toMatchObject({ kind: 'dispatch', model: 'large', precision, reason: expect.stringContaining(`experiment split, arm ${arm}: `) });
  expect(experiment).toEqual({ name: 'split', arm });
});

test('a policy that would have another variant is overruled', () => {
  expect(decided({ policy: fixedPolicy('fp32') }).decision).toMatchObject({ precision: 'int8' });
});

test('only an arm on trial can be rescued, and only where another variant is served', () => {
  expect([decided().rescuable, decided({ arm: 'a' }).rescuable, decided({ states: [state(INT8)] }).rescuable]).toEqual([true, undefined, undefined]);
});

test.each([
  ['nobody serves it', { states: [state(FP32), state(INT8, { workers: 0 })] }, 'unserved'],
  ['it is taken out after failures', { states: [state(FP32), state(INT8, { workers: 0, takenOut: 1 })] }, 'failed'],
  ['it has failed on this step', { tried: ['large.int8'] }, 'failed'],
  ['it is below the request’s accuracy floor', { over: { accuracyFloor: 0.98 } }, 'floor'],
] as const)('where %s another variant runs the step', (_why, given, instead) => {
  const { decision, experiment } = decided(given as Case);
  expect(decision).toMatchObject({ kind: 'dispatch', precision: 'fp32', reason: expect.stringContaining(`arm b, but ${instead}: `) });
  expect(experiment).toEqual({ name: 'split', arm: 'b', instead });
});

test('where the arm’s variant would be late the policy decides as if there were no experiment', () => {
  const slow: Forecast = { backlogMs: 5_000, queueMs: 5_000, peakQueueMs: 5_000, computeMs: 1, returnMs: 1, soonestMs: 5_000, deviationMs: 0, costMs: 2 };
  const quick: Forecast = { backlogMs: 2, queueMs: 2, peakQueueMs: 2, computeMs: 1, returnMs: 1, soonestMs: 3, deviationMs: 0, costMs: 1 };
  const { decision, experiment } = decided({ forecast: ({ variant: { precision } }) => (precision === 'int8' ? slow : quick) });
  expect(decision).toMatchObject({ kind: 'dispatch', precision: 'fp32' });
  expect(experiment).toMatchObject({ instead: 'late' });
});

test('an arm that was rolled back is nobody’s, and its variant runs only where nothing else does', () => {
  const control = rolledBack(running({ arms: [{ name: 'a', weight: 1 }, { name: 'b', precision: 'int8', weight: 1 }] }), 'b', change);
  expect(decided({ control, policy: fixedPolicy('int8') }).decision).toMatchObject({ kind: 'fail' });
  expect(decided({ control }).decision).toMatchObject({ precision: 'fp32' });
  expect(decided({ control }).experiment).toMatchObject({ arm: 'b', instead: 'ended' });
  expect(decided({ control, states: [state(INT8)] }).decision).toMatchObject({ precision: 'int8' });
});

test('once it is stopped the policy decides', () => {
  expect(decided({ control: stopped(running(), change), policy: fixedPolicy('fp32') }).decision).toMatchObject({ precision: 'fp32' });
});

test('an arm of another model runs the step on that', () => {
  const arms = [{ name: 'a', weight: 1 }, { name: 'b', model: 'small', weight: 1 }];
  const small = variant('small', 'fp32', 0.5);
  expect(decided({ control: running({ arms }), states: [state(FP32), state(small)] }).decision).toMatchObject({ model: 'small', precision: 'fp32' });
});

test('an arm of a version runs where all workers of a pool serve that, until it is promoted', () => {
  const arms = [{ name: 'a', version: '1', precision: 'fp32', weight: 1 }, { name: 'b', version: '2', precision: 'fp32', weight: 1 }];
  const control = running({ arms });
  const [old, mixed, next] = [state(FP32), state(FP32, { pool: 'mixed', versions: ['1', '2'] }), state(FP32, { pool: 'next', versions: ['2'], workers: 2 })];
  expect(decided({ control, states: [old, mixed, next] }).decision).toMatchObject({ pool: 'next' });
  expect(decided({ control, states: [old, mixed] })).toMatchObject({ experiment: { instead: 'unserved' } });
  expect(decided({ control: promoted(control, 'b', change), states: [old] }).experiment).toEqual({ name: 'split', arm: 'b' });
});

test('tasks are put into the arms of experiments about their plan; bulk work and other workloads are not', () => {
  const book = new ExperimentBook();
  book.update([running()]);
  const { experiments: _none, ...plain } = task('a');
  expect(book.armsOf(plain)).toEqual([{ experiment: 'split', arm: expect.stringMatching(/[ab]/) }]);
  expect([book.armsOf({ ...plain, lane: 'bulk' }), book.armsOf({ ...plain, workload: 'v' })]).toEqual([undefined, undefined]);
  book.update([running({ model: 'other' })]);
  expect(book.armsOf(plain)).toBeUndefined();
});
