/** Writes the fields of a request, one after the other, into a buffer that is large enough for all of them. */
export class ByteWriter {
  /** Where the next field goes. */
  at = 0;
  readonly bytes: Buffer;

  /** @param size at least as many bytes as will be written */
  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  get written(): Buffer {
    return this.bytes.subarray(0, this.at);
  }

  int8(value: number): void {
    this.at = this.bytes.writeInt8(value, this.at);
  }

  int16(value: number): void {
    this.at = this.bytes.writeInt16BE(value, this.at);
  }

  int32(value: number): void {
    this.at = this.bytes.writeInt32BE(value, this.at);
  }

  /** Exact below 2^53. */
  int64(value: number): void {
    this.int32(Math.floor(value / 2 ** 32));
    this.at = this.bytes.writeUInt32BE(value >>> 0, this.at);
  }

  bigint64(value: bigint): void {
    this.at = this.bytes.writeBigInt64BE(value, this.at);
  }

  /** With its length before it; null is a length of −1. */
  string(text: string | null): void {
    if (text === null) return this.int16(-1);
    this.int16(Buffer.byteLength(text));
    this.at += this.bytes.write(text, this.at);
  }

  /** A signed number (zigzag), seven bits a byte; exact below 2^52. */
  varint(value: number): void {
    let left = value < 0 ? -2 * value - 1 : 2 * value;
    for (; left >= 0x80; left = Math.floor(left / 0x80)) this.bytes[this.at++] = (left % 0x80) | 0x80;
    this.bytes[this.at++] = left;
  }

  /** With its length, which is known, as a varint before it; null is a length of −1. */
  field(value: string | Buffer | null, length: number): void {
    this.varint(value === null ? -1 : length);
    if (typeof value === 'string') this.at += this.bytes.write(value, this.at);
    else if (value !== null) this.at += value.copy(this.bytes, this.at);
  }
}

/** Of a number as `varint` writes it. */
export function sizeOfVarint(value: number): number {
  let size = 1;
  for (let left = value < 0 ? -2 * value - 1 : 2 * value; left >= 0x80; left = Math.floor(left / 0x80)) size += 1;
  return size;
}
