import type { ExperimentControl, PlanStep, StepOutcome, Task, Variant, Work } from '@tandem/schemas';
import { ExperimentBook, started, type ClusterState, type Forecast } from '@tandem/shared/core';
import type { JsonOutput } from '@tandem/shared/runner';
import { experimentSchema } from '@tandem/schemas';
import { expect, test } from 'vitest';
import { ShadowCopies } from './shadow-copies.ts';

const step: PlanStep = { id: 'fine', role: 'fine', model: 'large', after: [], required: false };

function control(): ExperimentControl {
  const arms = [{ name: 'usual', weight: 1 }, { name: 'seen', precision: 'int8', shadow: true, weight: 1 }];
  return started(experimentSchema.parse({ name: 'split', workload: 'w', model: 'large', arms }), {}, { by: 'me', time: 1, why: 'started' });
}

function completed(requestId: string, over: Partial<Task> = {}, precision = 'fp32'): StepOutcome & { kind: 'completed' } {
  const task: Task = {
    requestId, workload: 'w', key: 'u', lane: 'interactive', task: 'fine', tier: 'standard', arrivedAt: 0, deadlineAt: 500, accuracyFloor: null, activity: 0, input: {},
    source: 's', marks: [], plan: { id: 'p', strategy: 'rerank', steps: [step] }, provisional: true, ...over,
  };
  const run = { model: 'large', precision, version: '1', batchSize: 1, queueMs: 0, computeMs: 1, reason: '' };
  return { kind: 'completed', requestId, step: 'fine', task, previous: {}, run, result: { items: [1], scores: [1] } };
}

function cluster({ cpuUse = 0.2, backlogMs = 0, workers = 1 } = {}): ClusterState {
  const variant = (precision: string): Variant => ({
    model: 'large', precision, version: '1', status: 'stable', adapter: 'x', graphs: {}, limits: {}, accuracy: { metric: 'm', value: 1, others: {}, data: '', date: '' }, lineage: {},
  });
  const state = (precision: string) =>
    ({ variant: variant(precision), workers, halfOpen: 0, probeDue: false, takenOut: 0, queued: 0, outstanding: 0, meanBatchMs: 1, everServed: true, versions: ['1'] });
  const forecast: Forecast = { backlogMs, queueMs: 0, peakQueueMs: 0, computeMs: 1, returnMs: 0, soonestMs: 1, deviationMs: 0, costMs: 1 };
  return {
    resources: { time: 0, cpuUse, cpuCores: 2, memoryBytes: 2, memoryFreeBytes: 1 }, settled: true, forecast: () => forecast,
    variantsOf: (model) => (model === 'large' ? [state('fp32'), state('int8')] : []),
  };
}

function copies() {
  const book = new ExperimentBook();
  book.update([control()]);
  return new ShadowCopies(book, 't.');
}

test('once a step is done a copy goes to the arm that shadows, in the lane of bulk work, for a while', () => {
  const outcome = completed('r');
  const [copy] = copies().of(outcome, () => cluster(), 1_000) as JsonOutput[];
  const work = copy!.body as Work;
  expect([copy!.topic, copy!.key]).toEqual(['t.bulk.large.int8', 'u']);
  expect(work).toMatchObject({ precision: 'int8', shadow: { experiment: 'split', arm: 'seen' }, task: { lane: 'bulk', deadlineAt: 3_000 }, previous: { fine: { kind: 'completed' } } });
  // Nobody is to get a provisional answer out of a copy, and the task of the outcome is not ours to change.
  expect([work.task.provisional, work.experiment, outcome.task.lane]).toEqual([undefined, undefined, 'interactive']);
});

test.each([
  ['the machines are busy', {}, { cpuUse: 0.95 }, 'fp32'], ['work waits there', {}, { backlogMs: 50 }, 'fp32'], ['nobody serves it', {}, { workers: 0 }, 'fp32'],
  ['the answer came from there', {}, {}, 'int8'], ['it was bulk work', { lane: 'bulk' as const }, {}, 'fp32'], ['it is another workload’s', { workload: 'v' }, {}, 'fp32'],
])('there is none where %s', (_why, over, load, precision) => {
  expect(copies().of(completed('r', over, precision), () => cluster(load), 0)).toEqual([]);
});

test('so many are on their way at most; those that come back, or never do, make room', () => {
  const made = copies();
  const send = (requestId: string, now: number) => made.of(completed(requestId), () => cluster(), now).length;
  const sent = Array.from({ length: 200 }, (_, index) => send(`r${index}`, 0)).reduce((sum, count) => sum + count, 0);
  expect(sent).toBe(64);
  made.returned('r0', 'seen');
  expect([send('a', 1), send('b', 1), send('c', 10_000)]).toEqual([1, 0, 1]);
});
