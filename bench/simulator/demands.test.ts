import { expect, test } from 'vitest';
import { demandsByRate } from './demands.ts';

test('between measured rates in proportion, beyond them as between the last two, below them as at the first', () => {
  const demands = demandsByRate([{ perSecond: 300, cores: { chain: 0.4, broker: 0.5 } }, { perSecond: 100, cores: { chain: 0.2, broker: 0.5 } }]);
  expect(demands(200)).toEqual([expect.closeTo(0.3, 9), 0.5]);
  expect(demands(500)).toEqual([expect.closeTo(0.6, 9), 0.5]);
  expect(demands(10)).toEqual([0.2, 0.5]);
});

test('more requests need no less: what was measured less at a higher rate is averaged', () => {
  const demands = demandsByRate([{ perSecond: 100, cores: { chain: 0.4 } }, { perSecond: 200, cores: { chain: 0.2 } }, { perSecond: 400, cores: { chain: 0.8 } }]);
  expect(demands(150)).toEqual([expect.closeTo(0.3, 9)]);
  expect(demands(400)).toEqual([expect.closeTo(0.8, 9)]);
});

test('what could not be measured counts for nothing', () => {
  expect(demandsByRate([{ perSecond: 100, cores: { chain: NaN } }])(100)).toEqual([0]);
});
