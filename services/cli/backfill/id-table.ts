import { hash } from 'node:crypto';

/** What is known of a request id, as bits. */
export const SEEN = 1; // a valid line of the input has it
export const SENT = 2; // it is in the log, or on its way there
export const ANSWERED = 4; // its response is in the output

const FIRST_SLOTS = 1 << 14;
const MAX_FILL = 0.6;

/**
 * Marks of request ids, by a 64-bit hash of each: 9 bytes per slot, so that ten million ids take some 200 MB, not
 * gigabytes. Two of them share a hash with a probability of 3 in a million; the second is then taken for a repetition.
 */
export class IdTable {
  #hashes = new Uint32Array(2 * FIRST_SLOTS);
  #marks = new Uint8Array(FIRST_SLOTS);
  #used = 0;

  get(id: string): number {
    const [high, low] = hashOf(id);
    return this.#marks[this.#slot(high, low)] ?? 0;
  }

  /** Adds marks; returns those that were there before. */
  mark(id: string, marks: number): number {
    if (this.#used >= MAX_FILL * this.#marks.length) this.#grow();
    const [high, low] = hashOf(id);
    const slot = this.#slot(high, low);
    const before = this.#marks[slot] ?? 0;
    if (before === 0) {
      this.#used += 1;
      this.#hashes[2 * slot] = high;
      this.#hashes[2 * slot + 1] = low;
    }
    this.#marks[slot] = before | marks;
    return before;
  }

  /** Where the hash is, or would go. */
  #slot(high: number, low: number): number {
    const mask = this.#marks.length - 1;
    let slot = low & mask;
    while (this.#marks[slot] !== 0 && (this.#hashes[2 * slot] !== high || this.#hashes[2 * slot + 1] !== low)) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const [hashes, marks] = [this.#hashes, this.#marks];
    this.#hashes = new Uint32Array(2 * hashes.length);
    this.#marks = new Uint8Array(2 * marks.length);
    for (let from = 0; from < marks.length; from += 1) {
      if (marks[from] === 0) continue;
      const [high, low] = [hashes[2 * from] ?? 0, hashes[2 * from + 1] ?? 0];
      const slot = this.#slot(high, low);
      this.#hashes[2 * slot] = high;
      this.#hashes[2 * slot + 1] = low;
      this.#marks[slot] = marks[from] ?? 0;
    }
  }
}

function hashOf(id: string): [high: number, low: number] {
  const digest = hash('sha1', id, 'buffer');
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)];
}
