import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BinaryHeap } from './binary-heap.ts';

test('what goes in comes out in order, however pushes and pops alternate', () => {
  fc.assert(fc.property(fc.array(fc.option(fc.integer())), (steps) => {
    const heap = new BinaryHeap<number>((a, b) => a < b);
    const expected: number[] = [];
    for (const step of steps) {
      if (step === null) expect(heap.pop()).toBe(expected.sort((a, b) => a - b).shift());
      else {
        heap.push(step);
        expected.push(step);
      }
      expect(heap.size).toBe(expected.length);
      expect(heap.peek()).toBe(expected.length === 0 ? undefined : Math.min(...expected));
    }
  }));
});

test('a push and a pop among 100,000 compare a few dozen times', () => {
  let comparisons = 0;
  const heap = new BinaryHeap<number>((a, b) => {
    comparisons += 1;
    return a < b;
  });
  for (let index = 0; index < 100_000; index += 1) heap.push((index * 7_919) % 100_003);
  comparisons = 0;
  heap.push(heap.pop()!);
  expect(comparisons).toBeLessThan(60);
});
