import { expect, test } from 'vitest';
import { BatchTally } from './batch-tally.ts';
import { ndcgAt10, QualityTally } from './quality.ts';

const TEN = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];

test('NDCG@10 is 1 for the first rank, falls with the logarithm, and is 0 beyond the tenth', () => {
  expect(ndcgAt10(TEN, 'a')).toBe(1);
  expect(ndcgAt10(TEN, 'c')).toBe(0.5);
  expect(ndcgAt10(TEN, 'j')).toBeCloseTo(1 / Math.log2(11), 12);
  expect(ndcgAt10([...TEN, 'k'], 'k')).toBe(0);
  expect(ndcgAt10([], 'a')).toBe(0);
});

test('hit rate and NDCG are means over all answers, empty ones included', () => {
  const tally = new QualityTally();
  tally.add(TEN, 'a');
  tally.add(TEN, 'c');
  tally.add(TEN, 'x');
  tally.add([], 'a');
  expect(tally.figures()).toEqual({ answers: 4, hitRateAt10: 0.5, ndcgAt10: 0.375, standardError: 0.25 });
});

test('nothing judged yet is 0, not a division by zero', () => {
  expect(new QualityTally().figures()).toEqual({ answers: 0, hitRateAt10: 0, ndcgAt10: 0, standardError: 0 });
  expect(new BatchTally().meanBatchSize).toBe(0);
});

test('the mean batch size is over batches: one of four and two of one are three batches of two', () => {
  const tally = new BatchTally();
  for (const size of [4, 4, 4, 4, 1, 1]) tally.add(size);
  expect(tally.meanBatchSize).toBe(2);
});
