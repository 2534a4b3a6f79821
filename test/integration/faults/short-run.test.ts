import { expect, test } from 'vitest';
import { renderReport } from '../../faults/report.ts';
import { runFaults } from '../../faults/run.ts';
import { latestAllowedMs, nothingWrong, short } from './short.ts';

test('at-least-once: whatever is killed, every request gets its own answer', { timeout: 400_000 }, async () => {
  const report = await runFaults({ ...short, mode: 'at-least-once', seed: 1 });
  expect(report, renderReport(report)).toMatchObject(nothingWrong);
  expect(report.worstLatenessMs, renderReport(report)).toBeLessThanOrEqual(latestAllowedMs(report));
  expect(report.provisional).toBeGreaterThan(0);
});

test('exactly-once, with all stages but the workers chained: the same', { timeout: 400_000 }, async () => {
  const chain = ['classifier', 'scheduler', 'fusion'] as const;
  const report = await runFaults({ ...short, chain, mode: 'exactly-once', seed: 41 });
  expect(report, renderReport(report)).toMatchObject({ ...nothingWrong, doubled: 0 });
  expect(report.worstLatenessMs, renderReport(report)).toBeLessThanOrEqual(latestAllowedMs(report));
  expect(report.provisional).toBeGreaterThan(0);
});
