import type { Heartbeat, VariantLoad, Workload } from '@tandem/schemas';
import { describe, expect, test } from 'vitest';
import { predictedWaitMs, type Seen } from './predicted-wait.ts';

const step = (id: string, model: string, after: string[] = []) => ({ id, role: 'coarse' as const, model, after, required: false });
const workload = {
  plans: {
    coarse: { strategy: 'rerank', steps: [step('coarse', 'small')] },
    full: { strategy: 'rerank', steps: [step('coarse', 'small'), step('fine', 'large', ['coarse'])] },
  },
} as unknown as Workload;

const load = (model: string, precision: string, over: Partial<VariantLoad> = {}): VariantLoad =>
  ({ model, precision, version: '1', queued: 0, running: 0, completed: 0, failed: 0, meanBatchSize: 8, meanBatchMs: 16, ...over });

/** Half a second lies between the two. */
function worker(now: VariantLoad[], before?: VariantLoad[]): Seen {
  const heartbeat = (variants: VariantLoad[], time: number): Heartbeat => ({ kind: 'worker', instance: 'w', time, variants, resources: { time, cpuCores: 2, memoryBytes: 1, memoryFreeBytes: 1 } });
  return { now: heartbeat(now, 1_000), before: before && heartbeat(before, 500) };
}

describe('the predicted wait', () => {
  test('is the backlog divided by the pace at which it went down', () => {
    const seen = worker([load('small', 'fp32', { queued: 300, completed: 1_100 })], [load('small', 'fp32', { queued: 350, completed: 1_000 })]);
    expect(predictedWaitMs(workload, 'coarse', [seen])).toBe(1_500);
  });

  test('goes by the time of a batch where nothing has waited yet', () => {
    expect(predictedWaitMs(workload, 'coarse', [worker([load('small', 'fp32', { queued: 100 })])])).toBe(200);
  });

  test('counts several workers together, and of several precisions the quicker', () => {
    const one = worker([load('small', 'fp32', { queued: 100 }), load('small', 'int8', { queued: 10 })]);
    const other = worker([load('small', 'fp32', { queued: 100 })]);
    expect(predictedWaitMs(workload, 'coarse', [other, other])).toBe(200);
    expect(predictedWaitMs(workload, 'coarse', [one, other])).toBe(20);
  });

  test('of steps after one another is that of the slowest', () => {
    const seen = worker([load('small', 'fp32', { queued: 10 }), load('large', 'fp32', { queued: 400 })]);
    expect(predictedWaitMs(workload, 'full', [seen])).toBe(800);
  });

  test('where the classifier may choose the plan, is that of the quickest', () => {
    const seen = worker([load('small', 'fp32', { queued: 10 }), load('large', 'fp32', { queued: 400 })]);
    expect(predictedWaitMs(workload, undefined, [seen])).toBe(20);
  });

  test('leaves bulk work and variants that are taken out aside', () => {
    const seen = worker([load('small', 'fp32', { queued: 100, bulkBacklog: 100 }), load('small', 'int8', { queued: 5_000, breaker: 'open' })]);
    expect(predictedWaitMs(workload, 'coarse', [seen])).toBe(0);
  });

  test('counts what waits beside bulk that is still in the log', () => {
    const seen = worker([load('small', 'fp32', { queued: 10, bulkQueued: 0, bulkBacklog: 1_000 })]);
    expect(predictedWaitMs(workload, 'coarse', [seen])).toBe(20);
  });

  test('is not known where no worker serves a model, or none says how fast', () => {
    expect(predictedWaitMs(workload, 'coarse', [])).toBeUndefined();
    expect(predictedWaitMs(workload, 'full', [worker([load('small', 'fp32')])])).toBeUndefined();
    expect(predictedWaitMs(workload, 'coarse', [worker([load('small', 'fp32', { queued: 5, meanBatchMs: 0 })])])).toBeUndefined();
  });
});
