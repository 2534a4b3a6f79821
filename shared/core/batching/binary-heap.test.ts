import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BinaryHeap } from './binary-heap.ts';

interface Item {
  value: number;
  at: number;
}

const item = (value: number): Item => ({ value, at: -1 });
const anyStep = fc.oneof(
  fc.record({ push: fc.integer() }), fc.record({ remove: fc.nat() }), fc.constant({ pop: true }),
);

test('what goes in comes out in order, however pushes, pops and removals alternate', () => {
  fc.assert(fc.property(fc.array(anyStep), (steps) => {
    const heap = new BinaryHeap<Item>((a, b) => a.value < b.value);
    let inside: Item[] = [];
    const gone: Item[] = [];
    const leave = (left: Item) => {
      inside = inside.filter((other) => other !== left);
      gone.push(left);
    };
    for (const step of steps) {
      if ('push' in step) {
        const pushed = item(step.push);
        heap.push(pushed);
        inside.push(pushed);
      } else if ('remove' in step) {
        const chosen = inside[step.remove % Math.max(1, inside.length)];
        if (chosen !== undefined) {
          expect(heap.remove(chosen)).toBe(true);
          leave(chosen);
        }
      } else {
        const popped = heap.pop();
        expect(popped?.value).toBe(inside.length === 0 ? undefined : Math.min(...inside.map(({ value }) => value)));
        if (popped !== undefined) leave(popped);
      }
      expect(heap.size).toBe(inside.length);
      expect(heap.peek()?.value).toBe(inside.length === 0 ? undefined : Math.min(...inside.map(({ value }) => value)));
      for (const left of gone) expect(heap.remove(left)).toBe(false);
    }
  }));
});

test('a push, a pop and a removal among 100,000 compare a few dozen times', () => {
  let comparisons = 0;
  const heap = new BinaryHeap<Item>((a, b) => {
    comparisons += 1;
    return a.value < b.value;
  });
  const items = Array.from({ length: 100_000 }, (_, index) => item((index * 7_919) % 100_003));
  for (const one of items) heap.push(one);
  comparisons = 0;
  heap.push(heap.pop()!);
  heap.remove(items[50_000]!);
  expect(comparisons).toBeLessThan(100);
});
