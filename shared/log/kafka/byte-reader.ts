/** Reads the fields of a broker's answer, one after the other. @throws {RangeError} where the answer ends before the field does */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#move(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#move(4));
  }

  /** Of offsets and times, which stay below 2^53. */
  int64(): number {
    return Number(this.#bytes.readBigInt64BE(this.#move(8)));
  }

  bigint64(): bigint {
    return this.#bytes.readBigInt64BE(this.#move(8));
  }

  string(): string {
    return this.bytes(this.int16()).toString();
  }

  /** An unsigned number of seven bits a byte. */
  uvarint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#move(1));
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  /** A string of the newer requests; null is read as empty. */
  compactString(): string {
    return this.bytes(this.uvarint() - 1).toString();
  }

  /** Passes over the fields that later versions may add. */
  tags(): void {
    for (let count = this.uvarint(); count > 0; count--) {
      this.uvarint();
      this.bytes(this.uvarint());
    }
  }

  /** A view, not a copy; empty where the length is negative. */
  bytes(length: number): Buffer {
    const from = this.#move(Math.max(0, length));
    if (this.#at > this.#bytes.length) throw new RangeError(`an answer of ${this.#bytes.length} bytes ends within a field of ${length}`);
    return this.#bytes.subarray(from, this.#at);
  }

  /** Its length comes first; a negative one is an empty array. No room is made for what a damaged length promises. */
  array<Item>(readItem: (reader: ByteReader) => Item): Item[] {
    const items: Item[] = [];
    for (let left = this.int32(); left > 0; left--) items.push(readItem(this));
    return items;
  }

  #move(length: number): number {
    const from = this.#at;
    this.#at += length;
    return from;
  }
}
