import fc from 'fast-check';
import { expect, test } from 'vitest';
import { busiestShare, hottestShare, partitionLoads } from './key-skew.ts';

const spec = fc.record({ count: fc.integer({ min: 1, max: 2_000 }), exponent: fc.double({ min: 0, max: 2, noNaN: true }), split: fc.integer({ min: 1, max: 20 }) });

test('what falls on partitions, and on workers, is all that there is', () => {
  fc.assert(fc.property(spec, fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 64 }), (keys, partitions, workers) => {
    const loads = partitionLoads(keys, partitions);
    expect(loads.reduce((sum, load) => sum + load, 0)).toBeCloseTo(1, 9);
    expect(busiestShare(loads, workers)).toBeGreaterThanOrEqual(1 / workers - 1e-9);
    expect(Math.max(...loads)).toBeGreaterThanOrEqual(hottestShare(keys) - 1e-9);
  }));
});

test('with sixty languages the first one brings a fifth of all requests, and splitting divides it', () => {
  expect(hottestShare({ count: 60, exponent: 1, split: 1 })).toBeCloseTo(0.2137, 4);
  expect(hottestShare({ count: 60, exponent: 1, split: 10 })).toBeCloseTo(0.02137, 5);
});

test('keys beyond those that are hashed one by one are spread evenly', () => {
  const loads = partitionLoads({ count: 2_000_000, exponent: 0, split: 1 }, 10);
  expect(Math.max(...loads) / Math.min(...loads)).toBeLessThan(1.01);
});

test('split keys are shared by more workers', () => {
  const busiest = (split: number) => busiestShare(partitionLoads({ count: 60, exponent: 1, split }, 64), 32);
  expect(busiest(1)).toBeGreaterThan(0.2);
  expect(busiest(50)).toBeLessThan(0.06);
});
