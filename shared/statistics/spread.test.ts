import { expect, test } from 'vitest';
import { spreadOf } from './spread.ts';

test('a spread leaves out what could not be measured', () => {
  expect(spreadOf([NaN, 1, 5, 3])).toEqual({ median: 3, least: 1, most: 5 });
  expect(spreadOf([NaN]).median).toBeNaN();
});
