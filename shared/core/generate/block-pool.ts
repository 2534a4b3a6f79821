/**
 * Blocks of cache memory by number, handed out one by one. Block 0 is nobody's: tables of short sequences are padded with it,
 * and what a graph reads there is weighed with nothing.
 */
export class BlockPool {
  readonly size: number;
  readonly #free: number[];
  readonly #isTaken: Uint8Array;
  readonly #onFreed: (block: number) => void;

  /**
   * @param count with the one that is nobody's
   * @param onFreed what was in it is not to be seen by the next: called for every block that comes back
   */
  constructor(count: number, onFreed: (block: number) => void = () => undefined) {
    this.size = Math.max(0, count - 1);
    this.#free = Array.from({ length: this.size }, (_, index) => this.size - index);
    this.#isTaken = new Uint8Array(count);
    this.#onFreed = onFreed;
  }

  get free(): number {
    return this.#free.length;
  }

  /** Undefined: none is free. */
  take(): number | undefined {
    const block = this.#free.pop();
    if (block !== undefined) this.#isTaken[block] = 1;
    return block;
  }

  /** @throws {Error} for a block that is free: two sequences would share it */
  giveBack(blocks: readonly number[]): void {
    for (const block of blocks) {
      if (this.#isTaken[block] !== 1) throw new Error(`block ${block} is free already`);
      this.#isTaken[block] = 0;
      this.#onFreed(block);
      this.#free.push(block);
    }
  }
}
