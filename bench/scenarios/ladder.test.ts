import { expect, test } from 'vitest';
import { BATCH_CONSUMERS, ONE_BY_ONE } from './ladder-contenders.ts';
import type { LadderRow } from './ladder-row.ts';
import { ratiosOf, sameVariantRatios } from './ladder.ts';

function row(name: string, goodputPerSecond: number): LadderRow {
  return {
    name, description: '', goodputPerSecond, goodput: { median: goodputPerSecond, least: goodputPerSecond, most: goodputPerSecond }, p50Ms: 1, p99Ms: 1, hitRateAt10: 0, ndcgAt10: 0,
    judged: 0, hitRateLost: 0.004, hitRateLostError: 0, cpuSecondsPer1000: 1, cpuSecondsPer1000WithBroker: 1, costPer1000: 1, coresForFixedLoad: 1,
  };
}

test('ratios are against the one-by-one consumer, the better batch consumer and the row before', () => {
  const rows = [row(ONE_BY_ONE, 100), row(BATCH_CONSUMERS[0], 200), row(BATCH_CONSUMERS[1], 250), row('Tandem', 1_000)];
  expect(ratiosOf(rows).at(-1)).toEqual({ name: 'Tandem', againstOneByOne: 10, againstBatchConsumer: 4, step: 4, hitRateLost: 0.004 });
  expect(ratiosOf(rows.filter(({ name }) => name !== BATCH_CONSUMERS[1])).at(-1)).toMatchObject({ againstBatchConsumer: 5 });
});

test('without a baseline there is no ratio', () => {
  expect(ratiosOf([row('Tandem', 1_000)])[0]).toMatchObject({ againstOneByOne: NaN, againstBatchConsumer: NaN });
});

test('a variant is compared with the better of those who serve it in batches, where both were measured', () => {
  const rows = [row(BATCH_CONSUMERS[0], 200), row(BATCH_CONSUMERS[1], 250), row('Tandem: large fp32', 300), row('Tandem: large int8', 400)];
  expect(sameVariantRatios(rows)).toEqual([{ name: 'Tandem: large fp32', againstBatchConsumer: 1.2 }]);
});
