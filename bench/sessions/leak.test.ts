import { expect, test } from 'vitest';
import { leakOf } from './leak.ts';

test('growth is the slope of the second half, whatever the first did', () => {
  const settled = Array.from({ length: 50 }, (_, cycle) => 100 + cycle);
  expect(leakOf([...settled, ...Array.from({ length: 50 }, () => 150)])).toEqual({ firstMb: 100, middleMb: 150, lastMb: 150, growthKbPerCycle: 0 });
  expect(leakOf([...settled, ...settled.map((_, cycle) => 150 + cycle / 2)]).growthKbPerCycle).toBeCloseTo(512);
});
