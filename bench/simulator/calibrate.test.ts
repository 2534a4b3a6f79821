import { expect, test } from 'vitest';
import type { Arrivals } from '@tandem/shared/random';
import { calibrationRuns } from './calibrate.ts';
import type { Tapped, TappedRun } from './tapped.ts';

const SECONDS = 7;

function perSecondOf(arrivals: Arrivals): number {
  let count = 0;
  while (arrivals.next() < 100_000) count += 1;
  return count / 100;
}

/** Answers so many requests in full in each run, one run after the other. @returns also the rates that it was offered */
function standIn(completeIn: (run: number) => number): { tapped: Tapped; offered: number[] } {
  const offered: number[] = [];
  const run = ({ arrivals, seconds }: { arrivals: Arrivals; seconds: number }): Promise<TappedRun> => {
    offered.push(perSecondOf(arrivals));
    const answers = Array.from({ length: completeIn(offered.length) * seconds }, () => ({ status: 'complete' }));
    return Promise.resolve({ seconds, answers } as unknown as TappedRun);
  };
  return { tapped: { run } as unknown as Tapped, offered };
}

const calibrated = (tapped: Tapped, roughCapacity = 400) => calibrationRuns(tapped, 'graded.fp32', roughCapacity, { seconds: SECONDS, brokerPid: undefined, seed: 1 });

test('nothing is measured before overloads have stopped getting faster', async () => {
  const { tapped, offered } = standIn((run) => [200, 300, 305, 307, 310, 308, 100][run - 1]!);
  const { over, full, near, light } = await calibrated(tapped);
  const [overload, aLittleMore] = [2 * 400, 1.1 * 400];
  for (const [run, perSecond] of [overload, overload, overload, overload, aLittleMore].entries()) expect(offered[run]! / perSecond).toBeCloseTo(1, 1);
  expect([over, full, near, light].map(({ answers }) => answers.length / SECONDS)).toEqual([307, 310, 308, 100]);
});

test('a machine that gets faster for ever is measured all the same', async () => {
  const { tapped, offered } = standIn((run) => 100 * run);
  await calibrated(tapped);
  expect(offered).toHaveLength(5 + 4);
});

test('a burst of cold processes that says too little of what they can do is corrected by the overloads', async () => {
  const { tapped, offered } = standIn(() => 300);
  await calibrated(tapped, 100);
  for (const [run, perSecond] of [200, 600, 600, 330].entries()) expect(offered[run]! / perSecond).toBeCloseTo(1, 1);
});
