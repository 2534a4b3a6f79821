const INITIAL_CAPACITY = 64;

/**
 * Bookkeeping of one partition: which delivered offsets are acknowledged, and up to where all of them are (the
 * watermark, which is what a group commits). Offsets come in ascending order, with gaps where records were compacted
 * away or are control records. Memory is bounded by the records between the watermark and the last delivered one.
 */
export class OffsetTracker {
  // A ring: offsets in order, and whether each is acknowledged.
  #offsets = new Float64Array(INITIAL_CAPACITY);
  #acknowledged = new Uint8Array(INITIAL_CAPACITY);
  #head = 0;
  #size = 0;
  #pending = 0;
  #next = 0;
  #watermark: number | undefined;

  /** The next offset to commit: every delivered record below it is acknowledged. Undefined before the first record. */
  get watermark(): number | undefined {
    return this.#watermark;
  }

  /** Delivered, not acknowledged. */
  get pending(): number {
    return this.#pending;
  }

  /** @throws {RangeError} when the offset is not above all earlier ones */
  add(offset: number): void {
    if (offset < this.#next) throw new RangeError(`offset ${offset} delivered after ${this.#next - 1}`);
    if (this.#size === this.#offsets.length) this.#grow();
    if (this.#size === 0) this.#watermark = offset;
    const slot = this.#slot(this.#size++);
    this.#offsets[slot] = offset;
    this.#acknowledged[slot] = 0;
    this.#pending++;
    this.#next = offset + 1;
  }

  /** True when this changed something: a second acknowledgement, or one of an unknown offset, does not. */
  ack(offset: number): boolean {
    const index = this.#find(offset);
    if (index < 0 || this.#acknowledged[this.#slot(index)] === 1) return false;
    this.#acknowledged[this.#slot(index)] = 1;
    this.#pending--;
    if (index === 0) this.#advance();
    return true;
  }

  /** Offsets below `position` will never be delivered (control records, compaction): nothing waits for them. */
  skipTo(position: number): void {
    if (this.#size > 0 || position < this.#next) return;
    this.#next = position;
    this.#watermark = position;
  }

  #advance(): void {
    while (this.#size > 0 && this.#acknowledged[this.#head] === 1) {
      this.#head = (this.#head + 1) & (this.#offsets.length - 1);
      this.#size--;
    }
    this.#watermark = this.#size > 0 ? this.#at(0) : this.#next;
  }

  /** Gaps only ever move an offset towards the head of where it would be without them. */
  #find(offset: number): number {
    if (this.#size === 0) return -1;
    let low = 0;
    let high = Math.min(this.#size - 1, offset - this.#at(0));
    while (low <= high) {
      if (this.#at(high) === offset) return high;
      const middle = (low + high) >> 1;
      if (this.#at(middle) < offset) low = middle + 1;
      else high = middle;
      if (low === high) return this.#at(low) === offset ? low : -1;
    }
    return -1;
  }

  #at(index: number): number {
    return this.#offsets[this.#slot(index)] ?? Number.NaN;
  }

  #slot(index: number): number {
    return (this.#head + index) & (this.#offsets.length - 1);
  }

  #grow(): void {
    const offsets = new Float64Array(this.#offsets.length * 2);
    const acknowledged = new Uint8Array(this.#offsets.length * 2);
    for (let index = 0; index < this.#size; index++) {
      offsets[index] = this.#at(index);
      acknowledged[index] = this.#acknowledged[this.#slot(index)] ?? 0;
    }
    this.#offsets = offsets;
    this.#acknowledged = acknowledged;
    this.#head = 0;
  }
}
