import { BinaryHeap } from './binary-heap.ts';
import { isBefore, type QueueEntry } from './queue-entry.ts';
import type { QueuedWork } from './types.ts';

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

  push(entry: QueueEntry<T>): void {
    this.#heapOf(entry).push(entry);
  }

  /** False: it has been taken before. */
  remove(entry: QueueEntry<T>): boolean {
    return this.#heapOf(entry).remove(entry);
  }

  /** Infinity where nothing waits. */
  get earliestDue(): number {
    return this.peek()?.due ?? Infinity;
  }

  /** Infinity where nothing has a deadline. */
  get earliestDeadline(): number {
    return this.#withDeadline.peek()?.due ?? Infinity;
  }

  peek(): QueueEntry<T> | undefined {
    return this.#next()?.peek();
  }

  pop(): QueueEntry<T> | undefined {
    return this.#next()?.pop();
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
