import { expect, test } from 'vitest';
import { systemClock } from '../clock/index.ts';
import { operatingSystemProbe } from './operating-system.ts';

test('a sample names cores and memory, and a busy interval shows as CPU use', async () => {
  const probe = operatingSystemProbe(systemClock);
  const until = Date.now() + 60;
  while (Date.now() < until);
  const sample = await probe.sample();
  expect(sample.cpuCores).toBeGreaterThan(0);
  expect(sample.memoryBytes).toBeGreaterThan(sample.memoryFreeBytes);
  expect(sample.cpuUse).toBeGreaterThan(0);
  expect(sample.cpuUse).toBeLessThanOrEqual(1);
});

test('unknown values are absent, never invented', async () => {
  const sample = await operatingSystemProbe(systemClock).sample();
  expect('accelerator' in sample).toBe(false);
});
