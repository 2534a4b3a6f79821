/** A line of the input, without its end. */
export interface Line {
  /** From 1. */
  number: number;
  /** Undefined: longer than the limit, and passed over. */
  bytes: Buffer | undefined;
  /** Where it was read, where that is not a line of a file: `topic/partition/offset`. */
  source?: string;
}

const NEWLINE = 10;

/** Splits a stream of bytes of any size into lines, those of a chunk together; memory is bounded by the longest allowed line. */
export async function* readLines(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Line[]> {
  const splitter = new LineSplitter(maxBytes);
  for await (const chunk of chunks) {
    const lines = splitter.push(chunk);
    if (lines.length > 0) yield lines;
  }
  const last = splitter.end();
  if (last !== undefined) yield [last];
}

class LineSplitter {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #held = 0;
  #number = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): Line[] {
    const lines: Line[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#hold(chunk.subarray(start, end));
      lines.push(this.#take());
      start = end + 1;
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start));
    return lines;
  }

  end(): Line | undefined {
    return this.#held === 0 ? undefined : this.#take();
  }

  #hold(part: Buffer): void {
    this.#held += part.length;
    if (this.#held > this.#maxBytes) this.#parts = [];
    else this.#parts.push(part);
  }

  #take(): Line {
    this.#number += 1;
    const bytes = this.#held > this.#maxBytes ? undefined : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#held = 0;
    return { number: this.#number, bytes };
  }
}
