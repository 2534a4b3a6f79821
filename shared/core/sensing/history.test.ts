import { expect, test } from 'vitest';
import { encodeEntry, historyAsOf } from './history.ts';

const stored = (...times: number[]) => ({ entries: times.map((time, index) => encodeEntry(`item-${index}`, time)), total: times.length });
const items = (...args: Parameters<typeof historyAsOf>) => historyAsOf(...args).history?.items;

test('interactions that arrived out of order are put in the order of their times, those of one moment as they arrived', () => {
  expect(items(stored(30, 10, 20, 10), {})).toEqual(['item-1', 'item-3', 'item-2', 'item-0']);
});

test('what is later than the request is left out, wherever it arrived', () => {
  expect(items(stored(30, 10, 20), { time: 20 })).toEqual(['item-1', 'item-2']);
});

test('the first n are the first n that arrived', () => {
  expect(items(stored(30, 10, 20), { interactions: 2 })).toEqual(['item-1', 'item-0']);
});
