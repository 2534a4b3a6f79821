import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readLines, type Line } from './lines.ts';

async function* inChunks(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  let from = 0;
  for (const cut of [...cuts.map((at) => at % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    yield bytes.subarray(from, cut);
    from = Math.max(from, cut);
  }
}

async function all(lines: AsyncIterable<Line>): Promise<Line[]> {
  const found: Line[] = [];
  for await (const line of lines) found.push(line);
  return found;
}

test('lines come out as they went in, wherever the stream is cut', async () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 }).map((line) => line.replaceAll(/[\n\r]/g, '').trim());
  await fc.assert(fc.asyncProperty(fc.array(text, { maxLength: 20 }), fc.array(fc.nat(1_000), { maxLength: 10 }), fc.boolean(), async (texts, cuts, ends) => {
    const bytes = Buffer.from(texts.join('\n') + (ends ? '\n' : ''));
    const expected = texts.flatMap((line, index) => (line === '' ? [] : [{ number: index + 1, text: line }]));
    expect(await all(readLines(inChunks(bytes, cuts), 1_000))).toEqual(expected);
  }));
});

test('a line that is too long is named, and the next is read', async () => {
  const lines = await all(readLines(inChunks(Buffer.from(`ok\n${'x'.repeat(5_000)}\nfine\n`), [10, 2_000, 4_000]), 100));
  expect(lines).toMatchObject([{ number: 1, text: 'ok' }, { number: 2, problem: { code: 'too_large' } }, { number: 3, text: 'fine' }]);
});

test('what is not UTF-8 is named', async () => {
  expect(await all(readLines(inChunks(Buffer.from([0xff, 0xfe, 0x0a, 0x61]), []), 100))).toMatchObject([{ number: 1, problem: { code: 'invalid_encoding' } }, { number: 2, text: 'a' }]);
});
