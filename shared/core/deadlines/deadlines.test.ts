import fc from 'fast-check';
import { expect, test } from 'vitest';
import { answerMarginMs, closesAt, dueAt } from './deadlines.ts';

test('fusion needs less time at the end where nothing waits for a transaction', () => {
  expect(answerMarginMs()).toBe(5);
  expect(answerMarginMs({ delivery: 'exactly-once' })).toBe(75);
  expect(answerMarginMs({ delivery: 'exactly-once', transactionIntervalMs: 200 })).toBe(225);
});

test('a request without a deadline never closes, and its work is never overdue', () => {
  expect(closesAt({ deadlineAt: null }, 5)).toBe(Infinity);
  expect(dueAt(Infinity, 3, 1_000)).toBe(Infinity);
});

const ms = fc.double({ min: 0, max: 1e4, noNaN: true });

test('work is due when its result is still in time by the usual way back, and a stall takes no more than half of what is left', () => {
  fc.assert(fc.property(ms, ms, ms, (now, leftMs, backMs) => {
    const closes = now + leftMs;
    const due = dueAt(closes, backMs, now);
    expect(due).toBeLessThanOrEqual(closes);
    expect(due).toBeGreaterThanOrEqual(now + leftMs / 2 - 1e-6);
    if (backMs <= leftMs / 2) expect(due + backMs).toBeCloseTo(closes, 6);
  }));
});

test('what closed before it was decided is overdue at once', () => {
  expect(dueAt(990, 3, 1_000)).toBe(990);
});
