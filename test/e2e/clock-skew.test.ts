import type { Clock } from '@tandem/shared/clock';
import { systemClock } from '@tandem/shared/clock';
import { expect, inject, it } from 'vitest';
import { startTandem, type Draft } from '../support/system.ts';

/** Far more than a busy machine needs for any of this, so that what takes as long does for the clock's sake. */
const SKEW_MS = 60_000;
const MARGIN_MS = 5_000;

/** The clock of a machine that is ahead by so much. */
function clockAhead(aheadMs: number): Clock {
  return { now: () => systemClock.now() + aheadMs, schedule: (at, callback) => systemClock.schedule(at - aheadMs, callback) };
}

const request = (deadlineMs: number): Draft =>
  ({ workload: 'recommend', userId: 'someone', input: { history: ['1', '260', '1196'] }, hints: { task: 'fine', deadlineMs } });

it.each([SKEW_MS, -SKEW_MS])('on a machine whose clock is %i ms ahead of the broker, nothing expires and nothing waits', async (aheadMs) => {
  await using tandem = await startTandem({ kafka: inject('kafka'), redis: inject('redis') }, clockAhead(aheadMs));
  const { client } = tandem;
  // Ahead, such a deadline would have passed before the request was read.
  const answered = await client.ask(Array.from({ length: 20 }, () => request(SKEW_MS - MARGIN_MS)));
  expect(answered.map(({ status, reason }) => ({ status, reason }))).toEqual(answered.map(() => ({ status: 'complete', reason: undefined })));
  expect(client.deadLetters).toEqual([]);
  expect(Math.abs(client.ports.clock.now() - Date.now())).toBeLessThan(1_000);
  expect(Math.abs(client.ports.log.now() - Date.now())).toBeLessThan(1_000);
});

it.each([SKEW_MS, -SKEW_MS])('on a machine whose clock is %i ms ahead of the broker, what is late is answered in time all the same', async (aheadMs) => {
  await using tandem = await startTandem({ kafka: inject('kafka'), redis: inject('redis') }, clockAhead(aheadMs));
  const askedAt = Date.now();
  // No worker serves what it asks for in time, so that the deadline's timer answers; behind, it would come by as much later.
  const [late] = await tandem.client.ask([request(1)]);
  expect(['degraded', 'failed', 'rejected']).toContain(late?.status);
  expect(Date.now() - askedAt).toBeLessThan(SKEW_MS - MARGIN_MS);
});
