import { expect, test } from 'vitest';
import type { Heartbeat, SchedulerReport, VariantLoad } from '@tandem/schemas';
import { LoadMeter } from './load-meter.ts';

/** A full batch of 32 takes 64 ms: 2 ms of a session each. */
const CURVE = [{ size: 1, ms: 8, samples: 10 }, { size: 32, ms: 64, samples: 10 }];

const load = (over: Partial<VariantLoad> = {}): VariantLoad =>
  ({ model: 'large', precision: 'int8', version: '1', queued: 0, running: 0, completed: 0, failed: 0, meanBatchSize: 1, meanBatchMs: 8, batchTimes: CURVE, ...over });
const beat = (instance: string, over: Partial<VariantLoad>, more: Partial<Heartbeat> = {}): Heartbeat =>
  ({ kind: 'worker', instance, time: 0, sessions: 2, variants: [load(over)], resources: { time: 0, cpuCores: 2, memoryBytes: 1, memoryFreeBytes: 1 }, ...more });
const report = (dispatched: number, refused: number, waiting = 0): SchedulerReport => ({ kind: 'scheduler', instance: 's', time: 0, dispatched, refused, bulk: 0, waiting });

test('what arrived is what left and what there is more of, over all workers, weighted by a full batch as measured', () => {
  const meter = new LoadMeter(0);
  meter.beat(beat('a', { completed: 100 }), 0);
  meter.beat(beat('b', { completed: 50, queued: 10 }), 0);
  meter.sample(0);
  meter.beat(beat('a', { completed: 130, queued: 5, running: 2, unread: 3 }), 1_000);
  meter.beat(beat('b', { completed: 80, queued: 0 }), 1_000);
  expect(meter.sample(1_000)).toMatchObject({ workers: 2, sessions: 4, durationMs: 1_000, arrivedMs: (30 + 10 + 30 - 10) * 2, backlogMs: 10 * 2 });
});

test('whoever begins to listen takes for arrived what workers have to do, not what they have ever done or lost', () => {
  const meter = new LoadMeter(0);
  meter.beat(beat('a', { completed: 1_000_000, failed: 50, expired: 900, queued: 3 }), 500);
  expect(meter.sample(1_000)).toMatchObject({ arrivedMs: 3 * 2, missed: 0, backlogMs: 3 * 2 });
});

test('bulk neither arrives nor waits', () => {
  const meter = new LoadMeter(0);
  meter.beat(beat('a', {}), 0);
  meter.beat(beat('a', { completed: 40, bulkCompleted: 40, queued: 20, bulkBacklog: 500 }), 500);
  expect(meter.sample(1_000)).toMatchObject({ arrivedMs: 0, backlogMs: 0 });
});

test('bulk that is still in the log hides nothing that waits', () => {
  const meter = new LoadMeter(0);
  meter.beat(beat('a', { queued: 15, bulkQueued: 5, bulkBacklog: 500 }), 0);
  expect(meter.sample(1_000)).toMatchObject({ backlogMs: 10 * 2 });
});

test('work that goes over to another worker does not arrive twice', () => {
  const meter = new LoadMeter(0);
  meter.beat(beat('a', { queued: 100 }), 0);
  meter.sample(0);
  meter.beat(beat('b', { queued: 60 }), 900);
  meter.beat(beat('a', { queued: 40 }), 1_000);
  expect(meter.sample(1_000).arrivedMs).toBe(0);
  meter.left('b');
  meter.beat(beat('a', { queued: 100 }), 1_500);
  expect(meter.sample(2_000)).toMatchObject({ arrivedMs: 0, workers: 1 });
});

test('what was late at workers and what schedulers refused are misses of what was asked', () => {
  const meter = new LoadMeter(0);
  meter.beat(beat('a', { expired: 3 }), 0);
  meter.report(report(1_000, 100), 0);
  meter.sample(0);
  meter.beat(beat('a', { expired: 8 }), 1_000);
  meter.report(report(1_090, 110, 4), 1_000);
  expect(meter.sample(1_000)).toMatchObject({ asked: 104, refused: 10, missed: 15, arrivedMs: 5 * 2 });
});

test('a worker that began anew counts from nothing', () => {
  const meter = new LoadMeter(0);
  meter.beat(beat('a', { completed: 100 }), 0);
  meter.sample(0);
  meter.beat(beat('a', { completed: 7 }), 1_000);
  expect(meter.sample(1_000).arrivedMs).toBe(14);
});

test('drained and sleeping workers have no capacity, silent ones are gone', () => {
  const meter = new LoadMeter(0);
  meter.beat(beat('a', {}), 0);
  meter.beat(beat('b', {}, { variants: [], drained: true }), 2_500);
  meter.beat(beat('c', {}, { asleep: true }), 2_500);
  expect(meter.sample(2_500)).toMatchObject({ workers: 1, sessions: 2 });
  expect(meter.sample(4_000)).toMatchObject({ workers: 0, sessions: 0 });
});
