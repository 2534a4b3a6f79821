import { cpus } from 'node:os';
import { expect, test } from 'vitest';
import type { Measured } from '../harness/measure.ts';
import { coresFor, ladderRow } from './ladder-row.ts';

const contender = { name: 'x', description: 'y', task: 'full' as const, start: () => Promise.reject(new Error('not started')) };

function measured(goodputPerSecond: number, cpuSeconds: number, gains: [number, number][]): Measured {
  const steady = { offeredPerSecond: 1, offered: 1, answered: 1, duplicates: 0, inTime: 1, inTimeShare: 1, goodputPerSecond: 1, lateShare: 0, degradedShare: 0, p50Ms: 4, p99Ms: 9, maxMs: 9, statuses: {} };
  return { search: { probes: [], goodputPerSecond, peakPerSecond: goodputPerSecond }, steady, cpuSecondsPer1000: { contender: cpuSeconds, broker: 0.2, loadGenerator: 0.1 }, gains: new Map(gains) };
}

test('a row has the medians of its rounds, and answers of all of them', () => {
  const results = [measured(900, 1, [[0, 1]]), measured(1_000, 3, [[1, 0.5]]), measured(1_500, 2, [[0, 1], [2, 0]])];
  const row = ladderRow({ contender, results, failure: undefined }, new Map([[0, 1], [2, 1]]), { coreHourPrice: 0.036, fixedLoad: 5_000 });
  expect(row).toMatchObject({ goodputPerSecond: 1_000, goodput: { least: 900, most: 1_500 }, cpuSecondsPer1000: 2, judged: 3, hitRateLost: 0.5 });
  expect(row.cpuSecondsPer1000WithBroker).toBeCloseTo(2.2, 9);
  expect(row.costPer1000).toBeCloseTo(2.2e-5, 12);
  expect(row.hitRateAt10).toBeCloseTo(2 / 3, 9);
  expect(row.coresForFixedLoad).toBeCloseTo(5 * cpus().length, 9);
});

test('without goodput no number of cores is enough', () => {
  expect(coresFor(100, 0, 2)).toBeNaN();
  expect(coresFor(100, 50, 2)).toBe(4);
});

test('a row that could not be measured says why and has no figures', () => {
  const row = ladderRow({ contender, results: [], failure: 'no such thing' }, new Map(), { coreHourPrice: 1, fixedLoad: 1 });
  expect(row.failure).toBe('no such thing');
  expect(row.goodputPerSecond).toBeNaN();
});
