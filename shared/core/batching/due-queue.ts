import { BinaryHeap } from './binary-heap.ts';
import type { QueuedWork } from './types.ts';

interface Entry<T> {
  work: QueuedWork<T>;
  /** Epoch ms. */
  due: number;
  sequence: number;
}

/**
 * Earliest due first; equal ones in order of arrival. Work with a deadline is due then, other work some time after it
 * came. The two are kept apart, so that expired work is found even behind patient work. All operations O(log n).
 */
export class DueQueue<T> {
  readonly #withDeadline = new BinaryHeap<Entry<T>>(isBefore);
  readonly #patient = new BinaryHeap<Entry<T>>(isBefore);

  get size(): number {
    return this.#withDeadline.size + this.#patient.size;
  }

  push(work: QueuedWork<T>, sequence: number, patienceMs: number): void {
    if (work.deadlineAt === null) this.#patient.push({ work, due: work.enqueuedAt + patienceMs, sequence });
    else this.#withDeadline.push({ work, due: work.deadlineAt, sequence });
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

  #next(): BinaryHeap<Entry<T>> | undefined {
    const deadline = this.#withDeadline.peek();
    const patient = this.#patient.peek();
    if (deadline === undefined) return patient === undefined ? undefined : this.#patient;
    return patient === undefined || isBefore(deadline, patient) ? this.#withDeadline : this.#patient;
  }
}

function isBefore(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.due < b.due || (a.due === b.due && a.sequence < b.sequence);
}
