import { hash } from 'node:crypto';

const FIRST_CAPACITY = 1_024;
/** Slots taken by at most this share: beyond, look-ups grow longer. */
const FULLEST = 0.6;

/**
 * Request ids with the source of each, by 64-bit hashes (of MD5: spread, not secrecy) in typed arrays, outside of V8's
 * heap: 20 to 33 bytes an id. Two of n ids share a hash with a probability of about n² / 2^65: 3e-8 for a million.
 */
export class CompactIds {
  /** Two words of the id's hash and one of the source's, per slot; an id's first word is never 0. */
  #slots = new Uint32Array(3 * FIRST_CAPACITY);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(requestId: string): boolean {
    const [high, low] = words(requestId);
    return this.#slots[3 * this.#find(high, low)] !== 0;
  }

  /** Whether the id is there, but with another source. An unknown source ('') is taken for any. */
  hasOther(requestId: string, source: string): boolean {
    const [high, low] = words(requestId);
    const slot = 3 * this.#find(high, low);
    if (this.#slots[slot] === 0) return false;
    const known = this.#slots[slot + 2];
    return known !== 0 && known !== sourceWord(source);
  }

  /** The first source of an id stands. */
  add(requestId: string, source: string): void {
    const [high, low] = words(requestId);
    this.#insert(high, low, sourceWord(source));
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
    this.#slots.set([high, low, source], slot);
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

function words(text: string): [number, number] {
  const digest = hash('md5', text, 'buffer');
  return [digest.readUInt32LE(0) || 1, digest.readUInt32LE(4)];
}

function sourceWord(source: string): number {
  return source === '' ? 0 : hash('md5', source, 'buffer').readUInt32LE(0) || 1;
}
