import { BinaryHeap, type HeapItem } from './binary-heap.ts';
import type { QueuedWork } from './types.ts';

/** One piece of work in a queue; removes it again. */
export interface QueueEntry<T> extends HeapItem {
  readonly work: QueuedWork<T>;
  /** Epoch ms. */
  readonly due: number;
  readonly sequence: number;
}

/**
 * Earliest due first; equal ones in order of arrival. Work with a deadline is due then, other work some time after it
 * came. The two are kept apart, so that expired work is found even behind patient work. All operations O(log n).
 */
export class DueQueue<T> {
  readonly #withDeadline = new BinaryHeap<QueueEntry<T>>(isBefore);
  readonly #patient = new BinaryHeap<QueueEntry<T>>(isBefore);

  get size(): number {
    return this.#withDeadline.size + this.#patient.size;
  }

  push(work: QueuedWork<T>, sequence: number, patienceMs: number): QueueEntry<T> {
    const due = work.deadlineAt ?? work.enqueuedAt + patienceMs;
    const entry: QueueEntry<T> = { work, due, sequence, at: -1 };
    this.#heapOf(entry).push(entry);
    return entry;
  }

  /** False: it has been taken before. */
  remove(entry: QueueEntry<T>): boolean {
    return this.#heapOf(entry).remove(entry);
  }

  /** Infinity where nothing waits. */
  get earliestDue(): number {
    return this.#next()?.peek()?.due ?? Infinity;
  }

  /** Infinity where nothing has a deadline. */
  get earliestDeadline(): number {
    return this.#withDeadline.peek()?.due ?? Infinity;
  }

  peek(): QueuedWork<T> | undefined {
    return this.#next()?.peek()?.work;
  }

  pop(): QueuedWork<T> | undefined {
    return this.#next()?.pop()?.work;
  }

  /** Takes one whose deadline is at or before the time. */
  popExpired(at: number): QueuedWork<T> | undefined {
    return this.earliestDeadline <= at ? this.#withDeadline.pop()?.work : undefined;
  }

  #heapOf({ work }: QueueEntry<T>): BinaryHeap<QueueEntry<T>> {
    return work.deadlineAt === null ? this.#patient : this.#withDeadline;
  }

  #next(): BinaryHeap<QueueEntry<T>> | undefined {
    const deadline = this.#withDeadline.peek();
    const patient = this.#patient.peek();
    if (deadline === undefined) return patient === undefined ? undefined : this.#patient;
    return patient === undefined || isBefore(deadline, patient) ? this.#withDeadline : this.#patient;
  }
}

function isBefore(a: QueueEntry<unknown>, b: QueueEntry<unknown>): boolean {
  return a.due < b.due || (a.due === b.due && a.sequence < b.sequence);
}
