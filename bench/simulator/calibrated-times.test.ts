import { expect, test } from 'vitest';
import { busySessions, timesAlone } from './calibrated-times.ts';
import type { LoggedStep } from './step-log.ts';
import type { TappedRun } from './tapped.ts';

const step = (partition: number, computeMs: number, endedAt: number): LoggedStep =>
  ({ requestId: 'r', partition, arrivedAt: 0, dispatchedAt: 1, outcomeAt: endedAt + 1, ran: { size: 1, computeMs, endedAt } });

/** Two sessions on a core that nobody else needs: 20 and 30 ms of work, begun together, so that half a core each has done the shorter one at 40. */
const run = { seconds: 0.05, steps: [step(0, 40, 40), step(1, 50, 50)], cores: { others: {}, inference: 1 } } as unknown as TappedRun;

test('what a batch would have taken alone follows from how many computed beside it', () => {
  const [first, second] = timesAlone(run, 1).map(({ ms }) => ms);
  expect(first).toBeCloseTo(20, 6);
  expect(second).toBeCloseTo(30, 6);
});

test('it is scaled to the CPU time that sessions took', () => {
  const twice = timesAlone({ ...run, cores: { others: {}, inference: 2 } }, 1);
  expect(twice.reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(100, 6);
});

test('sessions are busy while their batches run', () => {
  expect(busySessions(run)).toBeCloseTo(90 / 50, 6);
});
