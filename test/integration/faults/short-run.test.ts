import { expect, test } from 'vitest';
import { renderReport } from '../../faults/report.ts';
import { runFaults } from '../../faults/run.ts';

const SPACING_MS = 4_000;
const KINDS = ['kill', 'term', 'cut:fusion', 'cut:worker', 'redis-flush', 'redis-kill'];

/** A short form of `npm run faults`, on servers of its own. */
const short = {
  faults: 8, requests: 1_500, brokers: 1, kinds: KINDS, spacingMs: SPACING_MS, leadMs: 2_000, tailMs: 4_000, lateBoundMs: 60_000,
  instances: 2, stageFlags: [], patienceMs: 60_000, keepLogs: false,
} as const;

test('at-least-once: whatever is killed, every request is answered, by its own answer', async () => {
  const report = await runFaults({ ...short, mode: 'at-least-once', seed: 1 });
  expect(report, renderReport(report)).toMatchObject({ requests: 1_500, answered: 1_500, lost: 0, wrong: 0, late: 0, failures: [], crashes: [] });
}, 300_000);
