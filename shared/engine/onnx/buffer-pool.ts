import type { TensorView } from '../types.ts';
import { HEADER_BYTES, SlotHeader } from './slot-header.ts';

const SMALLEST_BYTES = 16_384;
const MAX_VIEWS = 64;

/** Views over a slot's buffer for one graph at one size, kept because making them costs more than using them. */
export interface SlotViews {
  inputs: Record<string, TensorView>;
  outputs: Record<string, TensorView>;
  /** All inputs, to be zeroed. In words: over shared memory, bytes are filled one by one, 49 kB in 76 µs; words in 2 to 10. */
  inputWords: Float64Array;
}

/** One lease's shared memory: header, inputs, outputs. */
export class Slot {
  readonly id: number;
  buffer: SharedArrayBuffer;
  header: SlotHeader;
  /** Grows with every new buffer: threads look it up. */
  version = 1;
  /** A thread that nobody waits for may still write into the buffer: it must not be used again. */
  tainted = false;
  readonly #views = new Map<string, SlotViews>();

  constructor(id: number, bytes: number) {
    this.id = id;
    this.buffer = new SharedArrayBuffer(bucketOf(bytes));
    this.header = new SlotHeader(this.buffer);
  }

  get bytes(): number {
    return this.buffer.byteLength;
  }

  grow(bytes: number): void {
    this.#replace(bucketOf(bytes));
  }

  /** Gives it a new buffer of the same size; the old one is left to whoever still has it. */
  renew(): void {
    this.#replace(this.bytes);
    this.tainted = false;
  }

  #replace(bufferBytes: number): void {
    this.buffer = new SharedArrayBuffer(bufferBytes);
    this.header = new SlotHeader(this.buffer);
    this.version += 1;
    this.#views.clear();
  }

  views(key: string, make: () => SlotViews): SlotViews {
    const known = this.#views.get(key);
    if (known !== undefined) return known;
    if (this.#views.size >= MAX_VIEWS) this.#views.clear();
    const made = make();
    this.#views.set(key, made);
    return made;
  }
}

/**
 * A bounded number of slots, reused. Buffers grow to powers of two, so that after a while no call allocates.
 * Who finds none free waits, first come, first served.
 */
export class BufferPool {
  readonly #free: Slot[] = [];
  readonly #waiting: { bytes: number; resolve: (slot: Slot) => void; reject: (error: unknown) => void }[] = [];
  readonly #most: number;
  readonly #onNewBuffer: (slot: Slot) => void;
  #made = 0;

  /** @param onNewBuffer called before a slot with a new buffer is handed out */
  constructor(most: number, onNewBuffer: (slot: Slot) => void) {
    this.#most = most;
    this.#onNewBuffer = onNewBuffer;
  }

  /** A slot of at least so many bytes. */
  acquire(bytes: number): Slot | Promise<Slot> {
    const slot = this.#take(bytes);
    if (slot !== undefined) return slot;
    return new Promise((resolve, reject) => this.#waiting.push({ bytes, resolve, reject }));
  }

  release(slot: Slot): void {
    if (slot.tainted) {
      slot.renew();
      this.#onNewBuffer(slot);
    }
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(slot);
    else next.resolve(this.#fit(slot, next.bytes));
  }

  /** Everyone who waits is turned away. */
  rejectWaiting(error: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #take(bytes: number): Slot | undefined {
    const best = this.#bestFree(bytes);
    if (best !== undefined && best.bytes >= bytes) return this.#removeFree(best);
    if (this.#made < this.#most) return this.#make(bytes);
    return best === undefined ? undefined : this.#fit(this.#removeFree(best), bytes);
  }

  #make(bytes: number): Slot {
    const slot = new Slot(this.#made, bytes);
    this.#made += 1;
    this.#onNewBuffer(slot);
    return slot;
  }

  #fit(slot: Slot, bytes: number): Slot {
    if (slot.bytes >= bytes) return slot;
    slot.grow(bytes);
    this.#onNewBuffer(slot);
    return slot;
  }

  /** The smallest that is large enough, else the largest. */
  #bestFree(bytes: number): Slot | undefined {
    let best: Slot | undefined;
    for (const slot of this.#free) if (best === undefined || isBetter(slot, best, bytes)) best = slot;
    return best;
  }

  #removeFree(slot: Slot): Slot {
    this.#free.splice(this.#free.indexOf(slot), 1);
    return slot;
  }
}

function isBetter(slot: Slot, than: Slot, bytes: number): boolean {
  if (slot.bytes >= bytes) return than.bytes < bytes || slot.bytes < than.bytes;
  return than.bytes < bytes && slot.bytes > than.bytes;
}

function bucketOf(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(SMALLEST_BYTES, bytes + HEADER_BYTES)));
}
