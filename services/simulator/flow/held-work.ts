import type { SimWork } from './sim-request.ts';

/**
 * What a worker has to answer. No set: V8's keeps what was deleted from it until the next major collection once it has become old
 * (as `PassingMap` says), which is each step of each request.
 */
export class HeldWork {
  readonly #work: SimWork[] = [];
  #count = 0;

  get size(): number {
    return this.#work.length;
  }

  add(work: SimWork): void {
    work.takenAs = this.#count += 1;
    work.heldAt = this.#work.push(work) - 1;
  }

  /** The last one takes its place. */
  delete(work: SimWork): void {
    if (this.#work[work.heldAt] !== work) return;
    const last = this.#work.pop()!;
    if (last === work) return;
    this.#work[work.heldAt] = last;
    last.heldAt = work.heldAt;
  }

  /** @returns all of it, in the order in which it was taken */
  takeAll(): SimWork[] {
    return this.#work.splice(0).sort((a, b) => a.takenAs - b.takenAs);
  }
}
