import { expect, test } from 'vitest';
import { judge, type Received, type Sent } from './judge.ts';
import { accuracyOf, lostAgainst } from './accuracy.ts';

const sent = (count: number): Sent[] => Array.from({ length: count }, (_, index) => ({ dueAt: 1_000 + index, target: `${index}`, event: index }));

function answer(index: number, latencyMs: number, { status = 'complete', items = [`${index}`] } = {}): Received {
  return { index, at: 1_000 + index + latencyMs, value: Buffer.from(JSON.stringify({ status, result: { items: items.map((itemId) => ({ itemId, score: 1 })) } })) };
}

test('goodput is complete answers within the SLO of when they were due, per second', () => {
  const received = [answer(0, 10), answer(1, 50), answer(2, 51), answer(3, 5, { status: 'degraded' })];
  const { figures } = judge(sent(5), received, { seconds: 0.5, sloMs: 50 });
  expect(figures).toMatchObject({ offered: 5, offeredPerSecond: 10, answered: 4, inTime: 2, goodputPerSecond: 4, inTimeShare: 0.4, lateShare: 0.2, degradedShare: 0.2, statuses: { complete: 3, degraded: 1 } });
  expect(figures.maxMs).toBeCloseTo(51, 0);
});

test('a second answer to a request is a duplicate and nothing else; strangers are nothing', () => {
  const { figures } = judge(sent(1), [answer(0, 10), answer(0, 20), answer(7, 1)], { seconds: 1, sloMs: 50 });
  expect(figures).toMatchObject({ answered: 1, duplicates: 1, inTime: 1 });
});

test('percentiles are of complete answers, late ones too', () => {
  const received = Array.from({ length: 100 }, (_, index) => answer(index, index < 98 ? 10 : 400));
  expect(judge(sent(100), received, { seconds: 1, sloMs: 50 }).figures.p50Ms).toBeCloseTo(10, 0);
  expect(judge(sent(100), received, { seconds: 1, sloMs: 50 }).figures.p99Ms).toBeGreaterThan(390);
});

test('a hit at the second place gains less than at the first; repeats are not judged', () => {
  const requests: Sent[] = [...sent(2), { dueAt: 0, target: undefined, event: undefined }];
  const { gains } = judge(requests, [answer(0, 1), answer(1, 1, { items: ['x', '1'] }), answer(2, 1)], { seconds: 1, sloMs: 50 });
  expect([...gains]).toEqual([[0, 1], [1, 1 / Math.log2(3)]]);
});

test('what is lost against a reference counts the events that both have answered', () => {
  const reference = new Map([[0, 1], [1, 1], [2, 0], [3, 1]]);
  const other = new Map([[0, 1], [1, 0], [2, 0], [9, 1]]);
  expect(accuracyOf(reference)).toMatchObject({ answers: 4, hitRateAt10: 0.75 });
  const lost = lostAgainst(reference, other);
  expect(lost.events).toBe(3);
  expect(lost.hitRateLost).toBeCloseTo(1 / 3, 9);
});
