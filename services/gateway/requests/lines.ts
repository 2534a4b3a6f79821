import { Problem } from '../problems/problem.ts';

const NEWLINE = 0x0a;

/** A line, or what is wrong with it; empty ones are left out. */
export type Line = { number: number; text: string } | { number: number; problem: Problem };

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Lines of a stream of bytes, as they come. One that is longer than the bound is skipped, and said so; the next is read again. */
export async function* readLines(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Line> {
  let parts: Buffer[] = [];
  let bytes = 0;
  let number = 0;
  const take = (last: Buffer): Line | undefined => {
    number += 1;
    const length = bytes + last.length;
    const line = length > maxBytes ? { number, problem: new Problem('too_large', { detail: `line ${number} is longer than ${maxBytes} bytes` }) } : decoded(number, Buffer.concat([...parts, last], length));
    parts = [];
    bytes = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const line = take(chunk.subarray(from, end));
      if (line !== undefined) yield line;
      from = end + 1;
    }
    const rest = chunk.subarray(from);
    bytes += rest.length;
    // What is too long already is counted, and not kept.
    if (bytes <= maxBytes) parts.push(rest);
    else parts = [];
  }
  const line = bytes > 0 ? take(Buffer.alloc(0)) : undefined;
  if (line !== undefined) yield line;
}

function decoded(number: number, bytes: Buffer): Line | undefined {
  try {
    const text = decoder.decode(bytes).trim();
    return text === '' ? undefined : { number, text };
  } catch {
    return { number, problem: new Problem('invalid_encoding', { detail: `line ${number} is not UTF-8` }) };
  }
}
