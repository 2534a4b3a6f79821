import { BinaryHeap, type HeapItem } from './binary-heap.ts';

/** One who shares: a tier, or a tenant of a tier. */
export interface Sharer extends HeapItem {
  readonly weight: number;
  /** Session time that it has had, divided by its weight: virtual time, ms. */
  virtualMs: number;
}

/**
 * Who of those with work waiting has had how much, by weight: start-time fair queueing (Goyal, Vin, Cheng, SIGCOMM 1996).
 * Who comes back after a while starts where the others are: nobody saves up a claim. All operations O(log n).
 */
export class FairShare<S extends Sharer> {
  readonly #busy = new BinaryHeap<S>((a, b) => a.virtualMs < b.virtualMs);
  #floorMs = 0;

  /** Its first work has come. */
  enter(sharer: S): void {
    sharer.virtualMs = Math.max(sharer.virtualMs, this.floorMs);
    this.#busy.push(sharer);
  }

  /** Its last work has gone. */
  leave(sharer: S): void {
    this.#busy.remove(sharer);
  }

  /** It has been given session time. */
  charge(sharer: S, ms: number): void {
    const isBusy = this.#busy.remove(sharer);
    sharer.virtualMs += ms / sharer.weight;
    if (isBusy) this.#busy.push(sharer);
    else if (this.#busy.size === 0) this.#floorMs = Math.max(this.#floorMs, sharer.virtualMs);
  }

  /** The virtual time of the one that is furthest behind; never falls. */
  get floorMs(): number {
    this.#floorMs = Math.max(this.#floorMs, this.#busy.peek()?.virtualMs ?? 0);
    return this.#floorMs;
  }
}
