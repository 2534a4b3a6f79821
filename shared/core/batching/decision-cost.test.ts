import { expect, test, vi } from 'vitest';
import type { BinaryHeap as Heap, HeapItem } from './binary-heap.ts';
import { BATCH_LIMITS, BatchQueue, formBatch, type BatchTimes, type QueuedWork } from './index.ts';

/** Reads: what a scan past the heaps would cost, by the work itself or by the times that its entries are ordered by. */
const { count, watch } = vi.hoisted(() => {
  const count = { comparisons: 0, reads: 0 };
  const watch = <T extends HeapItem>(item: T): T => {
    for (const name of ['due', 'time'] as const) {
      const { value, configurable = false } = Object.getOwnPropertyDescriptor(item, name) ?? {};
      let current: unknown = value;
      if (configurable) Object.defineProperty(item, name, { configurable: false, get: () => ((count.reads += 1), current), set: (next: unknown) => (current = next) });
    }
    return item;
  };
  return { count, watch };
});

vi.mock('./binary-heap.ts', async (original) => {
  const { BinaryHeap } = await original<{ BinaryHeap: typeof Heap }>();
  class CountingHeap<T extends HeapItem> extends BinaryHeap<T> {
    constructor(before: (a: T, b: T) => boolean) {
      super((a, b) => {
        count.comparisons += 1;
        return before(a, b);
      });
    }

    override push(item: T): void {
      super.push(watch(item));
    }
  }
  return { BinaryHeap: CountingHeap };
});

const times: BatchTimes = { predict: (_, size) => 1 + size / 10, soonest: () => 1 };

/** Counts who looks at what waits. */
class WatchedWork implements QueuedWork<number> {
  readonly payload: number;
  readonly lane = 'interactive';
  readonly enqueuedAt = 0;
  readonly #tenants: number;

  constructor(index: number, tenants: number) {
    this.payload = index;
    this.#tenants = tenants;
  }

  get #index(): number {
    count.reads += 1;
    return this.payload;
  }

  get group(): string {
    return `g${this.#index % 4}`;
  }

  get deadlineAt(): number | null {
    const index = this.#index;
    return index % 5 === 0 ? null : 10_000 + ((index * 7_919) % 100_003);
  }

  get tier(): string {
    return this.#index % 3 === 0 ? 'vip' : 'standard';
  }

  get tenant(): string {
    return `t${this.#index % this.#tenants}`;
  }
}

/** For each request that comes, is decided on and leaves, while so many wait. */
function costPerRequest(waiting: number, tenants: number): { comparisons: number; reads: number } {
  const queue = new BatchQueue<number>();
  for (let index = 0; index < waiting; index += 1) queue.add(new WatchedWork(index, tenants));
  Object.assign(count, { comparisons: 0, reads: 0 });
  let moved = 0;
  for (let decision = 0; decision < 100; decision += 1) {
    const { batch, expired } = formBatch(queue, { now: 1, startsAt: 1, sessions: 1, times, limits: BATCH_LIMITS });
    moved += expired.length + batch!.work.length;
    for (let index = 0; index < batch!.work.length; index += 1) queue.add(new WatchedWork(waiting + moved + index, tenants));
  }
  const cost = { comparisons: count.comparisons / moved, reads: count.reads / moved };
  expect(queue.size).toBe(waiting);
  return cost;
}

test.each([1, 50, 5_000])('a decision among 100,000 requests of %i tenants a tier costs what a logarithm says', (tenants) => {
  const few = costPerRequest(1_000, tenants);
  const many = costPerRequest(100_000, tenants);
  expect(many.comparisons).toBeLessThan(400);
  // log₂ of 100,000 over that of 1,000 is 1.7.
  expect(many.comparisons / few.comparisons).toBeLessThan(2.5);
  expect(many.reads / few.reads).toBeLessThan(2.5);
}, 60_000);
