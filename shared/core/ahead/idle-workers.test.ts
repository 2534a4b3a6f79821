import { expect, test } from 'vitest';
import { IdleWorkers } from './idle-workers.ts';

const variant = { model: 'm', precision: 'fp32', version: '1', queued: 0, running: 0, completed: 10, failed: 0, meanBatchSize: 1, meanBatchMs: 1 };
const beat = (instance: string, over: object = {}, cpuUse = 0.1) =>
  ({ instance, variants: [{ ...variant, ...over }], resources: { time: 0, cpuCores: 1, cpuUse, memoryBytes: 1, memoryFreeBytes: 1 } });

test('nothing is idle where no worker is heard, or not any more', () => {
  const idle = new IdleWorkers({ maxCpuUse: 0.7 });
  expect(idle.isIdle(0)).toBe(false);
  idle.heard(beat('a'), 0);
  expect(idle.isIdle(1_000)).toBe(true);
  expect(idle.isIdle(3_001)).toBe(false);
  idle.heard(beat('a'), 4_000);
  idle.gone('a');
  expect(idle.isIdle(4_000)).toBe(false);
});

test.each([
  ['interactive work waits', { queued: 1 }, 0.1], ['bulk work waits', { bulkBacklog: 1 }, 0.1], ['the CPU is in use', {}, 0.71],
])('nothing is idle while at one worker %s', (_, over, cpuUse) => {
  const idle = new IdleWorkers({ maxCpuUse: 0.7 });
  idle.heard(beat('a'), 0);
  idle.heard(beat('b', over, cpuUse), 0);
  expect(idle.isIdle(0)).toBe(false);
  idle.heard(beat('b'), 500);
  expect(idle.isIdle(500)).toBe(true);
});

test('tells a worker that has begun anew from one that goes on', () => {
  const idle = new IdleWorkers({ maxCpuUse: 1 });
  expect(idle.heard(beat('a'), 0)).toBe(true);
  expect(idle.heard(beat('a', { completed: 11 }), 1)).toBe(false);
  expect(idle.heard(beat('a', { completed: 0 }), 2)).toBe(true);
});
