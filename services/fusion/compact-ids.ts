import { randomBytes } from 'node:crypto';
import { keyedHash, type HashKey } from './keyed-hash.ts';

const FIRST_CAPACITY = 1_024;
/** Slots taken by at most this share: beyond, look-ups grow longer. */
const FULLEST = 0.6;
/** Of this process, which keeps its hashes to itself: nobody can choose an id that is taken for another's. */
const KEY: HashKey = [randomBytes(4).readInt32LE(), randomBytes(4).readInt32LE()];

/** A request's id and source as they are kept: made once for all look-ups. */
export interface CompactId {
  /** Never 0. */
  readonly high: number;
  readonly low: number;
  /** 0: not known; taken for any. */
  readonly source: number;
}

/** Not there; there, by the same request; or there by another, of another source. */
export type IdState = 'unknown' | 'same' | 'other';

export function compactId(requestId: string, source: string): CompactId {
  const { high, low } = keyedHash(requestId, KEY);
  return { high: high || 1, low, source: source === '' ? 0 : sourceHash(source) };
}

/**
 * FNV-1a, never 0. Told apart are the few sources under one id, and those are the log's own words, so that nobody can look for
 * two that are alike.
 */
function sourceHash(source: string): number {
  let word = 0x811c9dc5;
  for (let index = 0; index < source.length; index += 1) word = Math.imul(word ^ source.charCodeAt(index), 0x01000193);
  return word >>> 0 || 1;
}

/**
 * Request ids with the source of each, by 64-bit hashes in typed arrays, outside of V8's
 * heap: 20 to 33 bytes an id. Two of n ids share a hash with a probability of about n² / 2^65: 3e-8 for a million.
 */
export class CompactIds {
  /** `high`, `low` and `source` of an id, per slot. */
  #slots = new Uint32Array(3 * FIRST_CAPACITY);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  stateOf({ high, low, source }: CompactId): IdState {
    const slot = 3 * this.#find(high, low);
    if (this.#slots[slot] === 0) return 'unknown';
    const known = this.#slots[slot + 2];
    return known === 0 || source === 0 || known === source ? 'same' : 'other';
  }

  /** The first source of an id stands. */
  add({ high, low, source }: CompactId): void {
    this.#insert(high, low, source);
  }

  /** Adds all of another's. */
  merge(other: CompactIds): void {
    const slots = other.#slots;
    for (let slot = 0; slot < slots.length; slot += 3) {
      const [high = 0, low = 0, source = 0] = slots.subarray(slot, slot + 3);
      if (high !== 0) this.#insert(high, low, source);
    }
  }

  #insert(high: number, low: number, source: number): void {
    if (this.#size >= FULLEST * (this.#slots.length / 3)) this.#grow();
    const slot = 3 * this.#find(high, low);
    if (this.#slots[slot] !== 0) return;
    this.#slots[slot] = high;
    this.#slots[slot + 1] = low;
    this.#slots[slot + 2] = source;
    this.#size += 1;
  }

  /** Its slot, or the free one where it would go (linear probing). */
  #find(high: number, low: number): number {
    const capacity = this.#slots.length / 3;
    for (let slot = low % capacity; ; slot = (slot + 1) % capacity) {
      const taken = this.#slots[3 * slot];
      if (taken === 0 || (taken === high && this.#slots[3 * slot + 1] === low)) return slot;
    }
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(2 * before.length);
    for (let slot = 0; slot < before.length; slot += 3) {
      const [high = 0, low = 0] = before.subarray(slot, slot + 2);
      if (high !== 0) this.#slots.set(before.subarray(slot, slot + 3), 3 * this.#find(high, low));
    }
  }
}
