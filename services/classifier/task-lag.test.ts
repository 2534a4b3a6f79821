import { expect, test } from 'vitest';
import { ManualClock } from '@tandem/shared/clock';
import type { EventLog } from '@tandem/shared/log';
import { TaskLag } from './task-lag.ts';

/** A scheduler that has read so many of so many tasks. */
function lagging() {
  const clock = new ManualClock(0);
  const tasks = { written: 0, read: -1 };
  const admin = {
    offsets: async () => [{ partition: 0, earliest: 0, latest: tasks.written }],
    committed: async (groupId: string) => [{ partition: 0, offset: groupId === 'p.scheduler+fusion' ? tasks.read : -1 }],
    groups: async () => [{ groupId: 'p.scheduler', members: 0 }, { groupId: 'p.scheduler+fusion', members: 1 }],
  } as unknown as EventLog['admin'];
  const lag = new TaskLag({ log: { admin }, prefix: 'p.', clock, intervalMs: 1_000 });
  const look = async () => {
    clock.advance(1_000);
    lag.update();
    await new Promise((resolve) => setImmediate(resolve));
    return lag.update();
  };
  return { tasks, look };
}

test('the lag is the time that the scheduler needs for what waits, at its present pace', async () => {
  const { tasks, look } = lagging();
  Object.assign(tasks, { written: 1_000, read: 1_000 });
  await look();
  Object.assign(tasks, { written: 5_000, read: 3_000 });
  // 2,000 wait at 2,000 a second; a quarter of a second of that is not committed yet, on average.
  expect(await look()).toBeCloseTo(750);
});

test('few tasks are no lag, and a scheduler that stands still has an endless one', async () => {
  const { tasks, look } = lagging();
  await look();
  Object.assign(tasks, { written: 50 });
  expect(await look()).toBe(0);
  Object.assign(tasks, { written: 500 });
  expect(await look()).toBe(Infinity);
});
