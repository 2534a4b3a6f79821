import { BlockPool } from './block-pool.ts';
import type { SequenceLimits } from './limits.ts';
import { RetainedPrefixes } from './retained.ts';
import type { Sequence } from './sequence.ts';

/** Who holds which blocks: sequences under way, and what finished ones left behind for as long as nobody needs the room. */
export class SequenceMemory {
  readonly #pool: BlockPool;
  readonly #retained: RetainedPrefixes;
  readonly #positions: number;
  #evictions = 0;

  constructor({ blocks, blockPositions }: Pick<SequenceLimits, 'blocks' | 'blockPositions'>, onFreed?: (block: number) => void) {
    this.#pool = new BlockPool(blocks, onFreed);
    this.#retained = new RetainedPrefixes(blockPositions);
    this.#positions = blockPositions;
  }

  /** Blocks in all. */
  get size(): number {
    return this.#pool.size;
  }

  /** Blocks that somebody holds or has left. */
  get used(): number {
    return this.#pool.size - this.#pool.free;
  }

  /** Blocks that could be had without touching a sequence under way. */
  get available(): number {
    return this.#pool.free + this.#retained.blocks;
  }

  /** Prefixes given up for room. */
  get evictions(): number {
    return this.#evictions;
  }

  blocksFor(positions: number): number {
    return Math.ceil(positions / this.#positions);
  }

  /** Goes on from what its owner has left, where that fits. @returns tokens that need not be computed */
  reuse(sequence: Sequence<unknown>): number {
    const { owner } = sequence;
    const reused = owner === undefined || sequence.blocks.length > 0 ? undefined : this.#retained.take(owner, sequence.tokens);
    if (reused === undefined) return 0;
    this.#pool.giveBack(reused.spare);
    sequence.blocks = reused.blocks;
    sequence.cached = reused.cached;
    return reused.cached;
  }

  /** Room for so many positions, at the expense of what has been left behind. False: there is not so much; it keeps what it got. */
  ensure(sequence: Sequence<unknown>, positions: number): boolean {
    const wanted = this.blocksFor(positions);
    while (sequence.blocks.length < wanted) {
      const block = this.#pool.take();
      if (block !== undefined) sequence.blocks.push(block);
      else if (!this.#evict()) return false;
    }
    return true;
  }

  release(sequence: Sequence<unknown>): void {
    this.#pool.giveBack(sequence.blocks);
    sequence.blocks = [];
    sequence.cached = 0;
  }

  /** What it has computed stays for the next of its owner. */
  retain(sequence: Sequence<unknown>, now: number): void {
    const { owner } = sequence;
    if (owner === undefined) return this.release(sequence);
    const used = this.blocksFor(sequence.cached);
    this.#pool.giveBack(sequence.blocks.slice(used));
    this.#pool.giveBack(this.#retained.keep(owner, sequence.tokens.slice(0, sequence.cached), sequence.blocks.slice(0, used), now));
    sequence.blocks = [];
  }

  forget(isMeant: (owner: string) => boolean): void {
    for (const owner of this.#retained.owners()) if (isMeant(owner)) this.#pool.giveBack(this.#retained.forget(owner));
  }

  /** Gives up what nobody has used since. */
  expire(usedBefore: number): void {
    this.#pool.giveBack(this.#retained.expire(usedBefore));
  }

  #evict(): boolean {
    const blocks = this.#retained.evict();
    if (blocks.length === 0) return false;
    this.#evictions += 1;
    this.#pool.giveBack(blocks);
    return true;
  }
}
