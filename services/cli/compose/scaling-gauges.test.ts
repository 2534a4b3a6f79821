import type { Heartbeat } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import { loadSettings } from '@tandem/shared/config';
import { createMetrics } from '@tandem/shared/telemetry';
import { expect, test } from 'vitest';
import { scalingGauges } from './scaling-gauges.ts';

const beat = (instance: string, clock: ManualClock): { key: string; value: Buffer } => {
  const variants: Heartbeat['variants'] = [{ model: 'large', precision: 'int8', version: '1', queued: 0, running: 0, completed: 1_000_000, failed: 0, meanBatchSize: 1, meanBatchMs: 8 }];
  const heartbeat: Heartbeat = { kind: 'worker', instance, time: clock.now(), sessions: 2, variants, resources: { time: clock.now(), cpuCores: 2, memoryBytes: 1, memoryFreeBytes: 1 } };
  return { key: instance, value: Buffer.from(JSON.stringify(heartbeat)) };
};

test('a scheduler that has just started wants as many workers as there are, and says nothing before', async () => {
  const clock = new ManualClock();
  const metrics = createMetrics({ processMetrics: false });
  const gauges = scalingGauges(loadSettings({ flags: { partitions: '4' } }), { metrics, clock });
  const said = async () => (await metrics.wantedWorkers.get()).values.map(({ value }) => value);
  gauges.start();
  expect(await said()).toEqual([]);
  for (const instance of ['a', 'b', 'c']) gauges.heard(beat(instance, clock));
  clock.advance(1_000);
  expect(await said()).toEqual([3]);
  gauges.stop();
});
