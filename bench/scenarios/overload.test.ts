import { expect, test } from 'vitest';
import type { RunFigures } from '../harness/judge.ts';
import { overShares } from './overload.ts';

const figures = (goodputPerSecond: number, lateShare = 0): RunFigures => ({
  offeredPerSecond: 1, offered: 1, answered: 1, duplicates: 0, inTime: 1, inTimeShare: 1, goodputPerSecond, lateShare, degradedShare: 0, p50Ms: 1, p99Ms: 1, maxMs: 1, statuses: {},
});

test('goodput under overload is compared with the peak of its own round, and rounds by their median', () => {
  const round = (peak: number, atThree: number) => ({ capacityPerSecond: peak, runs: [{ share: 1, figures: figures(peak) }, { share: 3, figures: figures(atThree, 0.5) }] });
  const [full, three] = overShares([round(100, 90), round(200, 100), round(1_000, 0)], [1, 3]);
  expect(full).toMatchObject({ share: 1, goodputPerSecond: 200, goodputOverPeak: 1, lateShare: 0 });
  expect(three).toMatchObject({ share: 3, goodputPerSecond: 90, goodputOverPeak: 0.5, lateShare: 0.5 });
});
