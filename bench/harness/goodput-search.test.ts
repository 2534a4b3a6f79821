import fc from 'fast-check';
import { expect, test } from 'vitest';
import { poissonArrivals, seededRandom } from '@tandem/shared/random';
import { searchGoodput, type ProbeFigures } from './goodput-search.ts';

/** One server with a queue: each request takes equally long, and counts where it ends within 50 ms. */
function singleServer(capacityPerSecond: number, seconds = 20) {
  const serviceMs = 1_000 / capacityPerSecond;
  return async (rate: number): Promise<ProbeFigures> => {
    const arrivals = poissonArrivals(rate, seededRandom(11, `rate ${rate}`));
    let freeAt = 0;
    let inTime = 0;
    let offered = 0;
    for (let at = arrivals.next(); at < seconds * 1_000; at = arrivals.next()) {
      offered += 1;
      freeAt = Math.max(freeAt, at) + serviceMs;
      inTime += freeAt - at <= 50 ? 1 : 0;
    }
    return { goodputPerSecond: inTime / seconds, inTimeShare: inTime / offered };
  };
}

test.each([500, 1_000, 7_300])('finds the capacity of a server of %d/s from either side', async (capacity) => {
  for (const startRate of [capacity / 20, capacity * 0.7, capacity * 20]) {
    const { goodputPerSecond } = await searchGoodput(singleServer(capacity), { startRate, refinements: 4, maxProbes: 20 });
    expect(goodputPerSecond / capacity).toBeGreaterThan(0.75);
    expect(goodputPerSecond / capacity).toBeLessThan(1.05);
  }
});

test('a start far too high costs few probes', async () => {
  const { probes, goodputPerSecond } = await searchGoodput(singleServer(1_000), { startRate: 60_000, refinements: 1 });
  expect(goodputPerSecond).toBeGreaterThan(500);
  expect(probes.length).toBeLessThan(7);
});

test('a rate that failed narrowly, by chance, is tried again where that is asked for', async () => {
  const server = singleServer(1_000);
  let calls = 0;
  const stalling = async (rate: number): Promise<ProbeFigures> => {
    calls += 1;
    const figures = await server(rate);
    return calls % 2 === 1 ? { goodputPerSecond: figures.goodputPerSecond * 0.9, inTimeShare: figures.inTimeShare * 0.9 } : figures;
  };
  expect((await searchGoodput(stalling, { startRate: 500, maxProbes: 20 })).goodputPerSecond).toBeLessThan(700);
  calls = 0;
  expect((await searchGoodput(stalling, { startRate: 500, maxProbes: 20, tries: 2 })).goodputPerSecond).toBeGreaterThan(700);
});

test('ends after the probes that were allowed, and says 0 where nothing was sustained', async () => {
  let calls = 0;
  const result = await searchGoodput(async () => {
    calls += 1;
    return { goodputPerSecond: 3, inTimeShare: 0.1 };
  }, { startRate: 100, maxProbes: 5 });
  expect(calls).toBe(5);
  expect(result).toMatchObject({ goodputPerSecond: 0, peakPerSecond: 3 });
});

test('never takes a rate for sustained that was not, whatever the answers are', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 12, maxLength: 12 }), async (shares) => {
    let index = 0;
    const { probes, goodputPerSecond } = await searchGoodput(async (rate) => {
      const inTimeShare = shares[index++]!;
      return { inTimeShare, goodputPerSecond: rate * inTimeShare };
    }, { startRate: 100, maxProbes: 12 });
    expect(probes.length).toBeLessThanOrEqual(12);
    const sustained = probes.filter(({ figures }) => figures.inTimeShare >= 0.95);
    expect(goodputPerSecond).toBe(Math.max(0, ...sustained.map(({ figures }) => figures.goodputPerSecond)));
    expect(probes.every(({ rate }) => Number.isFinite(rate) && rate > 0)).toBe(true);
  }));
});
