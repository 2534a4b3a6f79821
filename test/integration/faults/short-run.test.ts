import { expect, test } from 'vitest';
import { renderReport } from '../../faults/report.ts';
import { runFaults } from '../../faults/run.ts';

/** A short form of `npm run faults`, on servers of its own. Each seed is a different selection of these faults. */
const short = {
  faults: 5, requests: 1_000, brokers: 1, kinds: ['kill', 'term', 'cut:fusion', 'cut:worker', 'redis-flush', 'redis-kill'],
  spacingMs: 3_000, leadMs: 2_000, tailMs: 3_000, lateBoundMs: 60_000, instances: 2, stageFlags: [], patienceMs: 90_000, keepLogs: false, chain: [],
} as const;

const nothingWrong = { requests: 1_000, answered: 1_000, lost: 0, outOfOrder: 0, late: 0, wrong: 0, failures: [], crashes: [] };

test('at-least-once: whatever is killed, every request gets its own answer', { timeout: 400_000 }, async () => {
  const report = await runFaults({ ...short, mode: 'at-least-once', seed: 1 });
  expect(report, renderReport(report)).toMatchObject(nothingWrong);
});

test('exactly-once: whatever is killed, every request gets its own answer, and only one', { timeout: 400_000 }, async () => {
  const report = await runFaults({ ...short, mode: 'exactly-once', seed: 3 });
  expect(report, renderReport(report)).toMatchObject({ ...nothingWrong, doubled: 0 });
});

test('exactly-once, with all stages but the workers chained: the same', { timeout: 400_000 }, async () => {
  const chain = ['classifier', 'scheduler', 'fusion'] as const;
  const report = await runFaults({ ...short, chain, mode: 'exactly-once', seed: 5 });
  expect(report, renderReport(report)).toMatchObject({ ...nothingWrong, doubled: 0 });
});
