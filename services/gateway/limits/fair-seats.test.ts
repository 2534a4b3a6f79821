import { expect, test } from 'vitest';
import { FairSeats } from './fair-seats.ts';

function take(seats: FairSeats, tenant: string | undefined, evicted: string[], name = tenant ?? ''): (() => void) | undefined {
  return seats.take(tenant, () => evicted.push(name));
}

test('a tenant alone has all places, and gives its latest up for others until each has as many', () => {
  const seats = new FairSeats(6);
  const evicted: string[] = [];
  for (let index = 1; index <= 6; index++) expect(take(seats, 'a', evicted, `a${index}`)).toBeDefined();
  expect(take(seats, 'a', evicted)).toBeUndefined();
  for (let index = 1; index <= 3; index++) expect(take(seats, 'b', evicted, `b${index}`)).toBeDefined();
  expect(evicted).toEqual(['a6', 'a5', 'a4']);
  expect(take(seats, 'b', evicted)).toBeUndefined();
  expect(take(seats, 'a', evicted)).toBeUndefined();
  expect(take(seats, 'c', evicted, 'c1')).toBeDefined();
  expect(take(seats, 'c', evicted, 'c2')).toBeDefined();
  expect(take(seats, 'c', evicted)).toBeUndefined();
  expect(evicted).toHaveLength(5);
});

test('a place that is given back is free, and giving it back after an eviction takes nobody’s', () => {
  const seats = new FairSeats(2);
  const evicted: string[] = [];
  const [first, second] = [take(seats, 'a', evicted, 'a1'), take(seats, 'a', evicted, 'a2')];
  expect(take(seats, 'b', evicted)).toBeDefined();
  second?.();
  expect(take(seats, 'b', evicted)).toBeUndefined();
  first?.();
  expect(take(seats, 'b', evicted)).toBeDefined();
});

test('without tenants nobody is cut off', () => {
  const seats = new FairSeats(2);
  const evicted: string[] = [];
  expect([1, 2, 3].map(() => take(seats, undefined, evicted) !== undefined)).toEqual([true, true, false]);
  expect(evicted).toEqual([]);
});
