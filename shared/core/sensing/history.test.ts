import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeEntry, historyAsOf } from './history.ts';

const interactions = fc.array(fc.record({ itemId: fc.string({ minLength: 1, maxLength: 32 }), time: fc.integer({ min: 0, max: 8_640_000_000_000_000 }) }), { maxLength: 40 });
const encode = (all: { itemId: string; time: number }[]) => all.map(({ itemId, time }) => encodeEntry(itemId, time));
const items = (all: { itemId: string }[]) => all.map(({ itemId }) => itemId);

/** By time; those of one moment as they arrived. */
const inTimeOrder = <Timed extends { time: number }>(all: Timed[]) => all.toSorted((a, b) => a.time - b.time);

const stored = (...times: number[]) => ({ entries: times.map((time, index) => encodeEntry(`item-${index}`, time)), total: times.length });
const itemsOf = (...args: Parameters<typeof historyAsOf>) => historyAsOf(...args).history?.items;

it('interactions that arrived out of order are put in the order of their times, those of one moment as they arrived', () => {
  expect(itemsOf(stored(30, 10, 20, 10), {})).toEqual(['item-1', 'item-3', 'item-2', 'item-0']);
});

it('what is later than the request is left out, wherever it arrived', () => {
  expect(itemsOf(stored(30, 10, 20), { time: 20 })).toEqual(['item-1', 'item-2']);
});

it('the first n are the first n that arrived', () => {
  expect(itemsOf(stored(30, 10, 20), { interactions: 2 })).toEqual(['item-1', 'item-0']);
});

describe('a stored history', () => {
  it('gives back any item id and time, colons in ids too', () => {
    fc.assert(
      fc.property(interactions.filter((all) => all.length > 0), (all) => {
        const known = historyAsOf({ entries: encode(all), total: all.length }, {});
        const ordered = inTimeOrder(all);
        expect(known).toEqual({ history: { items: items(ordered), total: all.length }, times: ordered.map(({ time }) => time), exact: true });
      }),
    );
  });

  it('as of the n-th interaction is what it was then, whatever came later and was dropped', () => {
    fc.assert(
      fc.property(interactions, fc.nat(45), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), (all, n, limit, length) => {
        const then = all.slice(0, n);
        const now = { entries: encode(all.slice(-limit)), total: all.length };
        const known = historyAsOf(now, { interactions: n, length });
        const still = items(inTimeOrder(then.slice(Math.max(0, all.length - limit))).slice(-length));
        expect(known.history?.items ?? []).toEqual(still);
        expect(known.exact).toBe(n <= all.length && still.length === Math.min(then.length, length));
        if (known.history !== undefined) expect(known.history.total).toBe(then.length);
      }),
    );
  });

  it('as of a time holds nothing later, and counts without it', () => {
    fc.assert(
      fc.property(interactions, fc.nat(8_640_000_000_000_000), (all, time) => {
        const then = inTimeOrder(all.filter((one) => one.time <= time));
        const known = historyAsOf({ entries: encode(all), total: all.length }, { time });
        expect(known.history?.items ?? []).toEqual(items(then));
        expect(known.history?.total ?? 0).toBe(then.length);
        expect(known.exact).toBe(true);
      }),
    );
  });

  it('is not exact where everything that is kept came after the time', () => {
    const known = historyAsOf({ entries: [encodeEntry('9', 500)], total: 10 }, { time: 400 });
    expect(known).toEqual({ history: undefined, times: [], exact: false });
  });

  it('of nobody is exactly nothing, unless something was expected', () => {
    expect(historyAsOf({ entries: [], total: 0 }, {})).toEqual({ history: undefined, times: [], exact: true });
    expect(historyAsOf({ entries: [], total: 0 }, { interactions: 0 }).exact).toBe(true);
    expect(historyAsOf({ entries: [], total: 0 }, { interactions: 1 }).exact).toBe(false);
  });

  it('takes the number of interactions before the time', () => {
    const entries = [encodeEntry('1', 100), encodeEntry('2', 200)];
    expect(historyAsOf({ entries, total: 2 }, { interactions: 2, time: 150 }).history?.items).toEqual(['1', '2']);
  });
});
