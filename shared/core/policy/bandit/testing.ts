import type { PlanStep, StepOutcome, Task, Variant } from '@tandem/schemas';
import type { ClusterState, Decision, Forecast, VariantState } from '../types.ts';

export const variant = (model: string, precision: string, accuracy: number): Variant => ({
  model, precision, version: '1', status: 'stable', adapter: 'recommend', graphs: {}, limits: {}, lineage: {},
  accuracy: { metric: 'ndcgAt10', value: accuracy, others: {}, data: 'test', date: '2026-01-01' },
});
export const FP32 = variant('large', 'fp32', 1);
export const INT8 = variant('large', 'int8', 0.9);

const FINE: PlanStep = { id: 'fine', role: 'fine', model: 'large', after: [], required: false };

export function task(requestId: string, over: Partial<Task> = {}): Task {
  return {
    requestId, workload: 'w', key: 'k', lane: 'interactive', task: 'fine', tier: 'standard', arrivedAt: 0, deadlineAt: 100,
    accuracyFloor: null, activity: 0, input: {}, source: 't/0/0', marks: [], plan: { id: 'fine', strategy: 'rerank', steps: [FINE] }, ...over,
  };
}

/** What is expected of each variant, ms. */
export type Times = ReadonlyMap<Variant, { queue: number; compute: number; cost: number }>;

export const CALM: Times = new Map([[FP32, { queue: 1, compute: 2, cost: 2 }], [INT8, { queue: 1, compute: 1, cost: 1 }]]);

export function clusterOf(times: Times): ClusterState {
  const states = [...times].map(([known]): VariantState =>
    ({ variant: known, workers: 1, halfOpen: 0, probeDue: false, takenOut: 0, queued: 0, outstanding: 0, meanBatchMs: 1, everServed: true }));
  return {
    resources: undefined, settled: true,
    variantsOf: (model) => states.filter((state) => state.variant.model === model),
    forecast({ variant: known }): Forecast {
      const { queue, compute, cost } = times.get(known)!;
      return { backlogMs: queue, queueMs: queue, peakQueueMs: queue, computeMs: compute, returnMs: 1, soonestMs: queue + compute + 1, deviationMs: 0, costMs: cost };
    },
  };
}

export function outcomeOf(asked: Task, { model, precision, reason }: Decision & { kind: 'dispatch' }, costMs: number): StepOutcome {
  const run = { model, precision, version: '1', batchSize: 1, queueMs: 1, computeMs: costMs, reason };
  return { requestId: asked.requestId, step: 'fine', task: asked, previous: {}, kind: 'completed', run, result: { items: [1], scores: [1] } };
}
