import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptDrafts, choose, nextItems, seedOf, uniformAt, type NextItems } from './index.ts';

const rules = (temperature: number, topK = 10) => ({ temperature, topK, seed: 1 });
const listing = (scores: readonly number[]) => {
  const order = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!);
  return { items: order.map((index) => index + 1), scores: order.map((index) => scores[index]!) };
};
const distribution = (scores: readonly number[], temperature = 1): NextItems => nextItems(listing(scores), new Set(), rules(temperature));

describe('what may come next', () => {
  it('is the best item that is not taken, at temperature 0', () => {
    expect(nextItems(listing([1, 3, 2]), new Set([2]), rules(0))).toEqual({ items: [3], scores: [2], probabilities: [1] });
  });

  it('is the softmax of the best few otherwise', () => {
    const { items, probabilities } = nextItems(listing([1, 3, 2, 0]), new Set(), rules(2, 2));
    expect(items).toEqual([2, 3]);
    expect(probabilities[0]! / probabilities[1]!).toBeCloseTo(Math.exp(0.5), 10);
  });

  it('passes over padding and what is not a number, and refuses to invent', () => {
    expect(nextItems({ items: [0, 4, 5], scores: [9, NaN, 1] }, new Set(), rules(0)).items).toEqual([5]);
    expect(() => nextItems({ items: [4], scores: [1] }, new Set([4]), rules(0))).toThrow('no item');
  });
});

describe('random numbers by seed and position', () => {
  it('are the same for the same place, and even', () => {
    expect(uniformAt(5, 3, 'item')).toBe(uniformAt(5, 3, 'item'));
    const counts = new Array<number>(10).fill(0);
    for (let seed = 0; seed < 2_000; seed += 1) for (let position = 0; position < 10; position += 1) counts[Math.floor(uniformAt(seed, position, 'item') * 10)]! += 1;
    for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(200);
  });

  it('differ by purpose and by text', () => {
    expect(new Set((['item', 'draft', 'accept'] as const).map((purpose) => uniformAt(1, 1, purpose))).size).toBe(3);
    expect(seedOf('r1')).not.toBe(seedOf('r2'));
  });
});

/** How often each item comes out first, where a draft is made from q and judged by p. */
function frequencies(p: NextItems, q: NextItems, runs: number): Map<number, number> {
  const counts = new Map<number, number>();
  for (let seed = 0; seed < runs; seed += 1) {
    const { item } = choose(q, uniformAt(seed, 0, 'draft'));
    const [first] = acceptDrafts([{ item, from: q }], () => p, (at, purpose) => uniformAt(seed, at, purpose));
    counts.set(first!.item, (counts.get(first!.item) ?? 0) + 1);
  }
  return counts;
}

describe('drafts', () => {
  const scores = fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 3, maxLength: 6 });

  it('leave the distribution of the large model as it is, whatever the small one proposes', () => {
    fc.assert(fc.property(scores, scores, (large, small) => {
      const [p, q, runs] = [distribution(large), distribution(small), 6_000];
      const counts = frequencies(p, q, runs);
      for (const [index, item] of p.items.entries()) {
        const expected = p.probabilities[index]! * runs;
        // Five standard deviations.
        expect(Math.abs((counts.get(item) ?? 0) - expected)).toBeLessThan(5 * Math.sqrt(expected) + 5);
      }
    }), { numRuns: 15 });
  });

  it('are accepted at temperature 0 as far as they are what the large model would have chosen', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 7, maxLength: 7 }), (drafted, wanted) => {
      const certain = (item: number): NextItems => ({ items: [item], scores: [item], probabilities: [1] });
      const chosen = acceptDrafts(drafted.map((item) => ({ item, from: certain(item) })), (at) => certain(wanted[at]!), (at, purpose) => uniformAt(3, at, purpose));
      const right = drafted.findIndex((item, at) => item !== wanted[at]);
      const count = (right === -1 ? drafted.length : right) + 1;
      expect(chosen.map(({ item }) => item)).toEqual(wanted.slice(0, count));
    }));
  });

  it('come with the large model’s scores', () => {
    const [p, q] = [distribution([1, 2], 1e-9), distribution([5, 6], 1e-9)];
    expect(acceptDrafts([{ item: 2, from: q }], () => p, () => 0)).toEqual([{ item: 2, score: 2 }, { item: 2, score: 2 }]);
  });
});
