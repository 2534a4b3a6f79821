import type { Response } from '@tandem/schemas';
import { expect, test } from 'vitest';
import { LiveQuality } from './live-quality.ts';

const answer = (userId: string, items: string[], time: number, latencyMs = 0): Response => ({
  requestId: `${userId}-${time}`, workload: 'w', userId, status: 'complete', final: true, sequence: 0, latencyMs, time, steps: [],
  result: { items: items.map((itemId) => ({ itemId, score: 1 })) },
});

test('an answer is judged by what its user did first after asking', () => {
  const quality = new LiveQuality();
  quality.acted({ userId: 'u', itemId: 'before' }, 5);
  quality.answered(answer('u', ['before', 'next'], 10), 'small');
  expect(quality.figures).toEqual([]);
  quality.acted({ userId: 'another', itemId: 'next' }, 11);
  quality.acted({ userId: 'u', itemId: 'next' }, 12);
  quality.acted({ userId: 'u', itemId: 'later' }, 13);
  expect(quality.figures).toEqual([{ path: 'small', judged: 1, hitRateAt10: 1, standardError: 0 }]);
});

test('only ten items count, and answers without items or user do not', () => {
  const quality = new LiveQuality();
  const eleven = Array.from({ length: 11 }, (_, index) => String(index));
  const { userId: _, ...nobodys } = answer('u', eleven, 1);
  quality.answered(nobodys, 'p');
  quality.answered(answer('u', [], 1), 'p');
  quality.answered(answer('u', eleven, 1), 'p');
  quality.acted({ userId: 'u', itemId: '10' }, 2);
  expect(quality.figures).toMatchObject([{ judged: 1, hitRateAt10: 0 }]);
});
