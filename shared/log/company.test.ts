import { expect, test } from 'vitest';
import { Company } from './company.ts';

test('what comes now and then does not wait', () => {
  const company = new Company(2);
  for (const now of [0, 10, 20]) {
    company.came(now);
    expect(company.waitMs(now)).toBe(0);
  }
});

test('what comes one after the other waits, from the second on, for as long as it does', () => {
  const company = new Company(2);
  company.came(0);
  company.came(1);
  expect(company.waitMs(1)).toBe(2);
  expect(company.waitMs(2.5)).toBe(0.5);
  expect(company.waitMs(9)).toBe(0);
  company.came(4.5);
  expect(company.waitMs(4.5)).toBe(2);
  company.came(14);
  expect(company.waitMs(14)).toBe(0);
});

test('without a time there is no waiting', () => {
  const company = new Company(0);
  for (const now of [0, 0, 0.1]) company.came(now);
  expect(company.waitMs(0.1)).toBe(0);
});
