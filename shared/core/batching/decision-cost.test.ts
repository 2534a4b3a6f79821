import { expect, test, vi } from 'vitest';
import type { BinaryHeap as Heap, HeapItem } from './binary-heap.ts';
import { BATCH_LIMITS, BatchQueue, formBatch, type BatchTimes, type QueuedWork } from './index.ts';

const { count } = vi.hoisted(() => ({ count: { comparisons: 0 } }));

vi.mock('./binary-heap.ts', async (original) => {
  const { BinaryHeap } = await original<{ BinaryHeap: typeof Heap }>();
  class CountingHeap<T extends HeapItem> extends BinaryHeap<T> {
    constructor(before: (a: T, b: T) => boolean) {
      super((a, b) => {
        count.comparisons += 1;
        return before(a, b);
      });
    }
  }
  return { BinaryHeap: CountingHeap };
});

const times: BatchTimes = { predict: (_, size) => 1 + size / 10, soonest: () => 1 };

function work(index: number, tenants: number): QueuedWork<number> {
  const at = (index * 7_919) % 100_003;
  return {
    payload: index, group: `g${index % 4}`, lane: 'interactive', enqueuedAt: 0, deadlineAt: index % 5 === 0 ? null : 10_000 + at,
    tier: index % 3 === 0 ? 'vip' : 'standard', tenant: `t${index % tenants}`,
  };
}

/** Comparisons for each request that comes, is decided on and leaves, while so many wait. */
function comparisonsPerRequest(waiting: number, tenants: number): number {
  const queue = new BatchQueue<number>();
  for (let index = 0; index < waiting; index += 1) queue.add(work(index, tenants));
  count.comparisons = 0;
  let moved = 0;
  for (let decision = 0; decision < 100; decision += 1) {
    const { batch, expired } = formBatch(queue, { now: 1, startsAt: 1, sessions: 1, times, limits: BATCH_LIMITS });
    moved += expired.length + batch!.work.length;
    for (let index = 0; index < batch!.work.length; index += 1) queue.add(work(waiting + moved + index, tenants));
  }
  expect(queue.size).toBe(waiting);
  return count.comparisons / moved;
}

test.each([1, 50, 5_000])('a decision among 100,000 requests of %i tenants a tier costs what a logarithm says', (tenants) => {
  const few = comparisonsPerRequest(1_000, tenants);
  const many = comparisonsPerRequest(100_000, tenants);
  expect(many).toBeLessThan(400);
  // log₂ of 100,000 over that of 1,000 is 1.7.
  expect(many / few).toBeLessThan(2.5);
}, 60_000);
