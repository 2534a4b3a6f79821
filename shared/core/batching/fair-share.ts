import { BinaryHeap, type HeapItem } from './binary-heap.ts';

/** Of one who shares: a tier, or a tenant of a tier. The same shape for both: heaps of five shapes of items look up where each keeps its place. */
export class Share implements HeapItem {
  at = -1;
  readonly weight: number;
  /** Session time that it has had, divided by its weight: virtual time, ms. */
  virtualMs = 0;

  constructor(weight: number) {
    this.weight = weight;
  }
}

/**
 * Who of those with work waiting has had how much, by weight: start-time fair queueing (Goyal, Vin, Cheng, SIGCOMM 1996).
 * Who comes back after a while starts where the others are: nobody saves up a claim. All operations O(log n).
 */
export class FairShare {
  readonly #busy = new BinaryHeap<Share>((a, b) => a.virtualMs < b.virtualMs);
  #floorMs = 0;

  /** Its first work has come. */
  enter(share: Share): void {
    share.virtualMs = Math.max(share.virtualMs, this.floorMs);
    this.#busy.push(share);
  }

  /** Its last work has gone. */
  leave(share: Share): void {
    this.#busy.remove(share);
  }

  /** It has been given session time. */
  charge(share: Share, ms: number): void {
    const isBusy = this.#busy.remove(share);
    share.virtualMs += ms / share.weight;
    if (isBusy) this.#busy.push(share);
    else if (this.#busy.size === 0) this.#floorMs = Math.max(this.#floorMs, share.virtualMs);
  }

  /** The virtual time of the one that is furthest behind; never falls. */
  get floorMs(): number {
    this.#floorMs = Math.max(this.#floorMs, this.#busy.peek()?.virtualMs ?? 0);
    return this.#floorMs;
  }
}
