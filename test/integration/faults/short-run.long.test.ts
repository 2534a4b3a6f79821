import { expect, test } from 'vitest';
import { renderReport } from '../../faults/report.ts';
import { runFaults } from '../../faults/run.ts';
import { latestAllowedMs, nothingWrong, short } from './short.ts';

test('exactly-once: whatever is killed, every request gets its own answer, and only one', { timeout: 400_000 }, async () => {
  const report = await runFaults({ ...short, mode: 'exactly-once', seed: 8 });
  expect(report, renderReport(report)).toMatchObject({ ...nothingWrong, doubled: 0 });
  expect(report.worstLatenessMs, renderReport(report)).toBeLessThanOrEqual(latestAllowedMs(report));
});
