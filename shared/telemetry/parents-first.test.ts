import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ParentsFirst, type PendingSpan } from './parents-first.ts';

test('whenever a process dies, every span that is out has its parent out too; and in the end all are out', () => {
  // Parents by index, each before its children; the first is of another process' span.
  const trees = fc.array(fc.nat(), { minLength: 1, maxLength: 30 }).chain((draws) => {
    const parents = draws.map((draw, index) => (index === 0 ? undefined : draw % index));
    return fc.record({ parents: fc.constant(parents), ends: fc.shuffledSubarray(parents.map((_, index) => index), { minLength: parents.length }) });
  });
  fc.assert(fc.property(trees, ({ parents, ends }) => {
    const order = new ParentsFirst();
    const pending: PendingSpan[] = [];
    const nameless = new Set<number>();
    for (const [index, parent] of parents.entries()) {
      // As spans find what they are below: by its id, or in hand; what was begun in hand has no id that others know.
      const isInHand = parent !== undefined && (index % 3 === 0 || nameless.has(parent));
      if (isInHand) nameless.add(index);
      pending.push(isInHand ? pending[parent]!.child() : order.begin(`s${index}`, parent === undefined ? 'elsewhere' : `s${parent}`));
    }
    const out: number[] = [];
    for (const index of ends) {
      pending[index]?.ended(() => out.push(index));
      for (const [at, span] of out.entries()) {
        const parent = parents[span];
        if (parent !== undefined) expect(out.slice(0, at)).toContain(parent);
      }
    }
    expect(out.toSorted((a, b) => a - b)).toEqual(parents.map((_, index) => index));
    expect(order.size).toBe(0);
  }));
});

test('a span that begins when its parent is out waits for nothing, and none ends twice', () => {
  const order = new ParentsFirst();
  const out: string[] = [];
  const parent = order.begin('parent', undefined);
  parent.ended(() => out.push('parent'));
  parent.ended(() => out.push('parent again'));
  order.begin('child', 'parent').ended(() => out.push('child'));
  expect(out).toEqual(['parent', 'child']);
});

test('a record that is delivered again while its first delivery is still pending has a span of the same id, and each lets its own children out', () => {
  const order = new ParentsFirst();
  const out: string[] = [];
  const [first, again] = [order.begin('id', undefined), order.begin('id', undefined)];
  const child = order.begin('child', 'id');
  child.ended(() => out.push('child'));
  first.ended(() => out.push('first'));
  expect(out).toEqual(['first']);
  again.ended(() => out.push('again'));
  expect(out).toEqual(['first', 'again', 'child']);
  expect(order.size).toBe(0);
});
