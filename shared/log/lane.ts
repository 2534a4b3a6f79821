import type { AssignedPartition } from './assigned-partition.ts';

/** A topic's partitions with records to deliver, earliest first record on top (a binary heap), and the topic's bound. */
export class Lane {
  paused = false;
  inFlight = 0;
  readonly #maxInFlight: number;
  readonly #heap: AssignedPartition[] = [];

  constructor(maxInFlight: number) {
    this.#maxInFlight = maxInFlight;
  }

  get open(): boolean {
    return !this.paused && this.inFlight < this.#maxInFlight;
  }

  get empty(): boolean {
    return this.#heap.length === 0;
  }

  get full(): boolean {
    return this.inFlight >= this.#maxInFlight;
  }

  get headTimestamp(): number {
    return this.#heap[0]?.headTimestamp ?? Number.POSITIVE_INFINITY;
  }

  push(partition: AssignedPartition): void {
    partition.ready = true;
    let at = this.#heap.push(partition) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#before(parent, at)) break;
      this.#swap(parent, at);
      at = parent;
    }
  }

  pop(): AssignedPartition | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined) return undefined;
    first.ready = false;
    if (first === last) return first;
    this.#heap[0] = last;
    this.#sink();
    return first;
  }

  #sink(): void {
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= this.#heap.length) return;
      const right = left + 1;
      const child = right < this.#heap.length && this.#before(right, left) ? right : left;
      if (this.#before(at, child)) return;
      this.#swap(at, child);
      at = child;
    }
  }

  #before(a: number, b: number): boolean {
    return (this.#heap[a]?.headTimestamp ?? 0) <= (this.#heap[b]?.headTimestamp ?? 0);
  }

  #swap(a: number, b: number): void {
    const [x, y] = [this.#heap[a], this.#heap[b]];
    if (x === undefined || y === undefined) return;
    this.#heap[a] = y;
    this.#heap[b] = x;
  }
}
