import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { IdTable } from './id-table.ts';
import { openFile, openStandardInput } from './input.ts';
import { readLines, type Line } from './line-reader.ts';
import { parseLine } from './parse-line.ts';
import { parseReplay } from './replay-source.ts';

async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all(lines: AsyncIterable<Line[]>): Promise<Line[]> {
  const found: Line[] = [];
  for await (const some of lines) found.push(...some);
  return found;
}

const texts = (lines: readonly Line[]) => lines.map(({ bytes }) => bytes?.toString('utf8'));

describe('lines', () => {
  test('are those of the text, however its bytes are cut', async () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\n'));
    await fc.assert(fc.asyncProperty(fc.array(line, { maxLength: 20 }), fc.integer({ min: 1, max: 30 }), fc.boolean(), async (lines, size, ended) => {
      const text = lines.join('\n') + (ended && lines.length > 0 ? '\n' : '');
      const expected = ended ? lines : text.split('\n').slice(0, text.endsWith('\n') || text === '' ? -1 : undefined);
      const read = await all(readLines(chunksOf(Buffer.from(text), size), 1_000));
      expect(texts(read)).toEqual(expected);
      expect(read.map(({ number }) => number)).toEqual(expected.map((_, index) => index + 1));
    }));
  });

  test('longer than the limit are passed over, without being held', async () => {
    const read = await all(readLines(chunksOf(Buffer.from(`a\n${'x'.repeat(50)}\nb`), 7), 10));
    expect(texts(read)).toEqual(['a', undefined, 'b']);
  });
});

describe('input', () => {
  async function file(content: Buffer, name = 'requests.jsonl'): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'tandem-backfill-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, name), content);
    return join(folder, name);
  }

  test.each([['plain', (text: string) => Buffer.from(text)], ['gzipped, in two members', (text: string) => Buffer.concat([gzipSync(text.slice(0, 3)), gzipSync(text.slice(3))])]])('reads a file that is %s', async (_, encode) => {
    const source = await openFile(await file(encode('one\ntwo\nthree')));
    expect(texts(await all(source.lines(100)))).toEqual(['one', 'two', 'three']);
    expect(source.progress()).toBe(1);
  });

  test('reads gzipped standard input', async () => {
    expect(texts(await all(openStandardInput(chunksOf(gzipSync('one\ntwo\n'), 5)).lines(100)))).toEqual(['one', 'two']);
  });

  test('knows a file again, and a changed one not', async () => {
    const path = await file(Buffer.from('one\n'));
    const [first, again] = [await openFile(path), await openFile(path)];
    expect([again.fingerprint, again.defaultJob]).toEqual([first.fingerprint, first.defaultJob]);
    await writeFile(path, 'other\n');
    expect((await openFile(path)).fingerprint).not.toBe(first.fingerprint);
  });

  test('says what cannot be read', async () => {
    await expect(openFile('/nowhere/at-all.jsonl')).rejects.toMatchObject({ code: 'input_unreadable' });
    const torn = await openFile(await file(gzipSync('one\ntwo\nthree\n').subarray(0, 20)));
    await expect(all(torn.lines(100))).rejects.toMatchObject({ code: 'input_unreadable' });
  });
});

describe('a line', () => {
  const limits = { maxBytes: 10_000, maxDepth: 8 };
  const parse = (text: string, over = {}) => parseLine({ number: 7, bytes: Buffer.from(text) }, { job: 'job', limits, idSuffix: '', ...over });

  test('with an id keeps its bytes', () => {
    const text = '{ "requestId":"a",  "workload":"w","userId":"u","input":{"x":1.0} }';
    expect(parse(text)).toEqual({ kind: 'request', requestId: 'a', key: 'u', value: Buffer.from(text) });
  });

  test('without an id gets job and number', () => {
    expect(parse('{"workload":"w","input":{}}')).toMatchObject({ requestId: 'job-7', key: 'job-7' });
  });

  test.each([['{', 'invalid_json'], ['[]', 'invalid_request'], ['{"workload":"w"}', 'invalid_request'], ['{"requestId":5,"workload":"w","input":{}}', 'invalid_request'],
    [`{"workload":"w","input":{"a":${'['.repeat(9)}${']'.repeat(9)}}}`, 'too_deep']])('that is no request is bad: %s', (text, code) => {
    expect(parse(text)).toMatchObject({ kind: 'bad', code });
  });

  test('of other bytes than UTF-8 is bad, an empty one is none', () => {
    expect(parseLine({ number: 1, bytes: Buffer.from([0x7b, 0xff, 0x7d]) }, { job: 'j', limits, idSuffix: '' })).toMatchObject({ code: 'invalid_encoding' });
    expect(parse(' \r')).toEqual({ kind: 'blank' });
  });

  test('of any bytes is a request or bad, never an exception', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(['request', 'bad', 'blank']).toContain(parseLine({ number: 1, bytes: Buffer.from(bytes) }, { job: 'j', limits, idSuffix: '-x', dropDeadlines: true }).kind);
    }));
  });
});

test('the table of ids knows each id’s marks, also after it has grown', () => {
  const table = new IdTable();
  for (let index = 0; index < 12_000; index += 1) expect(table.mark(`id-${index}`, 1)).toBe(0);
  for (let index = 0; index < 12_000; index += 3) expect(table.mark(`id-${index}`, 4)).toBe(1);
  for (let index = 0; index < 12_000; index += 1) expect(table.get(`id-${index}`)).toBe(index % 3 === 0 ? 5 : 1);
  expect(table.get('other')).toBe(0);
});

describe('what is to be replayed', () => {
  test('is a time with its zone, or ranges of offsets with both ends', () => {
    expect(parseReplay('2026-11-20T22:00Z', undefined)).toEqual({ kind: 'time', from: Date.UTC(2026, 10, 20, 22), to: undefined });
    expect(parseReplay('2026-11-20T22:00+01:00', '2026-11-21T00:00Z')).toEqual({ kind: 'time', from: Date.UTC(2026, 10, 20, 21), to: Date.UTC(2026, 10, 21) });
    expect(parseReplay('0:5-9, 2:0-0', undefined)).toEqual({ kind: 'offsets', ranges: [{ partition: 0, from: 5, to: 10 }, { partition: 2, from: 0, to: 1 }] });
  });

  test.each([['2026-11-20T22:00', undefined], ['yesterday', undefined], ['0:9-5', undefined], ['0:1-2', '2026-11-20T22:00Z'], ['2026-11-20T22:00Z', '0:1-2']])('is refused otherwise: %s to %s', (from, to) => {
    expect(() => parseReplay(from, to)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});
