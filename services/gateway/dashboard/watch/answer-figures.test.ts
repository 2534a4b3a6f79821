import type { Response, ResponseStep } from '@tandem/schemas';
import { expect, test } from 'vitest';
import { answerFigures, costFigures, sharesOf } from './answer-figures.ts';
import { AnswerSecond } from './answer-second.ts';

const step = (model: string, over: Partial<ResponseStep> = {}): ResponseStep =>
  ({ step: model, model, precision: 'fp32', version: '1', batchSize: 2, queueMs: 3, computeMs: 4, reason: '', ...over });
const answer = (over: Partial<Response> = {}): Response =>
  ({ requestId: 'r', workload: 'w', status: 'complete', final: true, sequence: 0, latencyMs: 10, time: 0, steps: [step('small')], ...over });

function second(...answers: Response[]): AnswerSecond {
  const made = new AnswerSecond();
  for (const each of answers) {
    made.seen += 1;
    made.add(each);
  }
  return made;
}

test('figures of a second: percentiles, reasons, where the time went', () => {
  const figures = answerFigures([second(answer(), answer({ status: 'degraded', reason: 'deadline', latencyMs: 100, steps: [] }))], false);
  expect(figures).toMatchObject({ seconds: 1, perSecond: 2, goodputPerSecond: 1, seen: 2, sampled: 2, resultCacheHits: null, reasons: [{ status: 'degraded', reason: 'deadline', perSecond: 1 }] });
  expect(figures.latencyMs?.p50).toBeCloseTo(10, 0);
  expect(figures.latencyMs?.p99).toBeCloseTo(100, -1);
  expect(figures.spent).toEqual({ queueMs: 1.5, computeMs: 2, otherMs: 51.5 });
});

test('what was looked into stands for all that came', () => {
  const sampled = second(answer(), answer({ status: 'failed', steps: [] }));
  sampled.seen = 200;
  expect(answerFigures([sampled], false)).toMatchObject({ perSecond: 200, goodputPerSecond: 100, statuses: { complete: 100, failed: 100 }, seen: 200, sampled: 2 });
});

test('steps that did not run have no share, and kept results count as hits', () => {
  const seconds = [second(answer({ steps: [step('small'), step('large'), step('skipped', { batchSize: 0 }), step('large', { batchSize: 0, cached: true })] }))];
  expect([...sharesOf(seconds)]).toEqual([['small.fp32', 0.5], ['large.fp32', 0.5]]);
  expect(answerFigures(seconds, true).resultCacheHits).toBeCloseTo(1 / 3);
});

test('a step costs its part of the batch; the comparison is with a step of the large model for each answer', () => {
  const seconds = [second(answer({ steps: [step('small', { computeMs: 2 })] }), answer({ steps: [step('large', { computeMs: 12, batchSize: 4 })] }))];
  expect(costFigures(seconds, new Set(['large']))).toEqual({ secondsPerThousand: 2, allLargeSecondsPerThousand: 3, large: ['large.fp32'] });
  expect(costFigures(seconds, new Set())).toMatchObject({ allLargeSecondsPerThousand: null });
});

test('without answers there is nothing to say', () => {
  expect(answerFigures([], true)).toMatchObject({ perSecond: 0, latencyMs: null, spent: null, reasons: [], resultCacheHits: null });
  expect(costFigures([], new Set(['large']))).toEqual({ secondsPerThousand: null, allLargeSecondsPerThousand: null, large: [] });
});
