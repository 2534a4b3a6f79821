import type { Response, ResponseStep } from '@tandem/schemas';
import { expect, test } from 'vitest';
import { answerKind, modelRoles } from './answer-kind.ts';
import { ReplayStatistics } from './statistics.ts';

const ROLES = modelRoles({
  plans: {
    coarse: { strategy: 'rerank', steps: [{ id: 'coarse', role: 'coarse', model: 'small', after: [], required: false }] },
    fine: { strategy: 'rerank', steps: [{ id: 'fine', role: 'fine', model: 'large', after: [], required: false }] },
  },
});

const step = (model: string, batchSize = 1, precision = 'fp32'): ResponseStep =>
  ({ step: model, model, precision, version: '1', batchSize, queueMs: 0, computeMs: 1, reason: 'test' });
const skipped = (model: string): ResponseStep => ({ ...step(model, 0), precision: 'none', reason: 'skipped: confident' });

function answer(items: string[] | undefined, steps: ResponseStep[], over: Partial<Response> = {}): Response {
  const result = items === undefined ? {} : { result: { items: items.map((itemId) => ({ itemId, score: 1 })) } };
  return { requestId: 'r', workload: 'recommend', status: 'complete', final: true, sequence: 0, steps, latencyMs: 1, time: 0, ...result, ...over };
}

test('the kind of an answer follows from the steps that ran', () => {
  const items = ['1'];
  expect(answerKind(answer(items, [step('small')]), ROLES)).toBe('smallOnly');
  expect(answerKind(answer(items, [step('large')]), ROLES)).toBe('largeOnly');
  expect(answerKind(answer(items, [step('small'), step('large')]), ROLES)).toBe('full');
  expect(answerKind(answer(items, [step('small'), skipped('large')]), ROLES)).toBe('smallOnly');
  expect(answerKind(answer(items, []), ROLES)).toBe('popular');
  expect(answerKind(answer(items, [step('small')], { reason: 'unknown_user' }), ROLES)).toBe('popular');
  expect(answerKind(answer(undefined, [step('small')]), ROLES)).toBe('none');
  expect(answerKind(answer([], [step('small')]), ROLES)).toBe('none');
});

test('figures add up over kinds, variants, statuses and reasons', () => {
  const statistics = new ReplayStatistics(4, ROLES);
  statistics.sent = 4;
  statistics.answered(answer(['7', '8'], [step('small', 2)]), 2, { itemId: '7', drawn: true });
  statistics.answered(answer(['7', '8'], [step('small', 2)]), 2, { itemId: '9', drawn: false });
  statistics.answered(answer(['9', '7'], [step('small', 1), step('large', 1, 'int8')]), 4, { itemId: '7', drawn: true });
  statistics.answered(answer(undefined, [], { status: 'rejected', reason: 'invalid' }), 1, { itemId: '7', drawn: true });

  const figures = statistics.figures();
  expect(figures).toMatchObject({ events: 4, sent: 4, responses: 4, duplicates: 0, strangers: 0 });
  expect(figures.overall).toMatchObject({ answers: 4, hitRateAt10: 0.5 });
  expect(figures.overall.ndcgAt10).toBeCloseTo((1 + 1 / Math.log2(3)) / 4, 12);
  expect(figures.routed).toMatchObject({ answers: 1, hitRateAt10: 0 });
  expect(figures.kinds.smallOnly).toMatchObject({ all: { answers: 2, hitRateAt10: 0.5 }, drawn: { answers: 1, hitRateAt10: 1 } });
  expect(figures.kinds.full).toMatchObject({ all: { answers: 1 }, drawn: { answers: 1 } });
  expect(figures.kinds.none).toMatchObject({ all: { answers: 1, hitRateAt10: 0 } });
  expect(figures.kinds.largeOnly).toBeUndefined();
  expect(figures.variants).toEqual({ 'large.int8': { share: 0.25, meanBatchSize: 1 }, 'small.fp32': { share: 0.75, meanBatchSize: 1.5 } });
  expect(figures.meanBatchSize).toBeCloseTo(4 / 3, 12);
  expect(figures.statuses).toEqual({ complete: 3, rejected: 1 });
  expect(figures.reasons).toEqual({ invalid: 1 });
});
