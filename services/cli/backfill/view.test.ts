import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { colorsFor } from '../demo/colors.ts';
import type { BackfillProgress } from './progress.ts';
import { createBackfillView, doneShare, progressLine } from './view.ts';

const progress = (over: Partial<BackfillProgress> = {}): BackfillProgress => ({
  job: 'j', resumed: false, read: 0.5, exhausted: false, valid: 200, bad: 0, answered: 100, answeredBefore: 0, failed: 0, outstanding: 100,
  waitingFor: undefined, seconds: 10, ...over,
});

test('what is done is the answered share of what has been read, and unknown where the end of the input is', () => {
  expect(doneShare(progress())).toBe(0.25);
  expect(doneShare(progress({ read: undefined }))).toBeUndefined();
  expect(doneShare(progress({ read: undefined, exhausted: true }))).toBe(0.5);
  expect(doneShare(progress({ valid: 0, answered: 0, exhausted: true }))).toBe(1);
});

test('a line tells how long it takes yet, and what nothing is sent for', () => {
  expect(progressLine(progress(), 10)).toBe('100 answered · 100 in flight · 10/s · 30 s left');
  expect(progressLine(progress({ waitingFor: 'window', bad: 3, answeredBefore: 40, failed: 1 }), 0))
    .toBe('100 answered (40 before) · 100 in flight · 0/s · 3 bad lines · 1 failed · outside the window: nothing is sent');
  expect(progressLine(progress({ waitingFor: 'load' }), 10)).toContain('workers are busy');
});

test.each([[true, /title.*\n.*25 %\n100 answered/], [false, /^$/]])('shows progress on a terminal only (%s)', (isTTY, shown) => {
  let text = '';
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 100, rows: 50 });
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const view = createBackfillView(stream, 'title', colorsFor({}, {}));
  for (let seconds = 0; seconds <= 12; seconds += 1) view.show(progress({ seconds }));
  view.close();
  expect(stripVTControlCharacters(text)).toMatch(shown);
});
