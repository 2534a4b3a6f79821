import { expect, test } from 'vitest';
import { Latencies } from './latencies.ts';

test('percentiles are right to three digits, from microseconds to minutes', () => {
  const latencies = new Latencies();
  for (let ms = 1; ms <= 1_000; ms += 1) latencies.add(ms);
  expect(latencies.percentile(50)).toBeCloseTo(500, -1);
  expect(latencies.percentile(99) / 990).toBeCloseTo(1, 2);
  latencies.add(120_000);
  expect(latencies.percentile(100) / 120_000).toBeCloseTo(1, 2);
});

test('without a latency there is no percentile', () => {
  expect(new Latencies().percentile(50)).toBeNaN();
  expect(new Latencies().percentile(50, 0)).toBe(0);
});
