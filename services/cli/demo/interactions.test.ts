import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseTitles, readTitles } from './catalogue.ts';
import { parseInteractions, readInteractions } from './interactions.ts';

const everybody = () => true;
const parse = (text: string, wanted = everybody as (userNumber: number) => boolean) =>
  parseInteractions(Buffer.from(text), 'interactions.tsv', wanted).map(({ userNumber, items, times }) => ({ userNumber, items: [...items], times: [...times] }));

async function file(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tandem-demo-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'data.tsv');
  await writeFile(path, text);
  return path;
}

test('events are gathered by user, in the order of the file', () => {
  expect(parse('1\t30\t5\n1\t20\t5\n2\t10\t978300760\n')).toEqual([
    { userNumber: 1, items: [30, 20], times: [5, 5] },
    { userNumber: 2, items: [10], times: [978_300_760] },
  ]);
});

test('only the users that are wanted are kept, wherever they stand', () => {
  const text = '1\t1\t1\n2\t2\t2\n3\t3\t3\n3\t4\t4\n4\t5\t5\n';
  expect(parse(text, (userNumber) => userNumber % 2 === 1).map(({ userNumber, items }) => [userNumber, items])).toEqual([[1, [1]], [3, [3, 4]]]);
});

test('a last line without a line break counts, and an empty file holds nobody', () => {
  expect(parse('1\t2\t3')).toEqual([{ userNumber: 1, items: [2], times: [3] }]);
  expect(parse('')).toEqual([]);
});

test.each(['1\t2\n', '1\t2\t\n', 'a\t2\t3\n', '1 2 3\n', '1\t2\t3\t4\n', '\n', '1\t-2\t3\n'])('a line that is not three numbers is named with its number: %j', (line) => {
  expect(() => parse(`1\t1\t1\n${line}`)).toThrow(/interactions.tsv, line 2: .*Delete the folder/);
});

test('files are read from disk', async () => {
  expect((await readInteractions(await file('10\t2\t3\n'), everybody)).map(({ userNumber }) => userNumber)).toEqual([10]);
  expect((await readTitles(await file('1\tA Film\t1999\tDrama\n'))).get('1')).toBe('A Film (1999)');
});

test('titles carry the year where there is one', () => {
  expect([...parseTitles('1\tA Film\t1999\tDrama\n2\tUndated\t\t\n')]).toEqual([['1', 'A Film (1999)'], ['2', 'Undated']]);
});
