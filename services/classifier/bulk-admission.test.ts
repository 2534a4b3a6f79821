import { expect, onTestFinished, test } from 'vitest';
import { fixedTopics, topicName, type Heartbeat } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import { createEmbeddedLog, type LogRecord } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { BulkAdmission } from './bulk-admission.ts';
import { record } from './testing.ts';

const PREFIX = 'tandem.';
const BULK = topicName(PREFIX, 'requests.bulk');

/** An admission with a topic that always has more to deliver. */
async function admission() {
  const clock = new ManualClock(1_000_000);
  const log = createEmbeddedLog({ clock });
  onTestFinished(() => log.close());
  await log.admin.ensureTopics(fixedTopics({ prefix: PREFIX, partitions: 2 }));
  const bulk = new BulkAdmission({ log, prefix: PREFIX, partitions: 2, clock, logger: silentLogger, loopUse: () => 0 });
  onTestFinished(() => bulk.stop());
  const state = { open: true, admitted: 0 };
  bulk.attach({ pause: () => void (state.open = false), resume: () => void (state.open = true) });
  bulk.assigned([{ topic: BULK, partition: 0 }, { topic: BULK, partition: 1 }, { topic: topicName(PREFIX, 'requests'), partition: 0 }]);
  const deliver = (each: LogRecord) => {
    state.admitted += 1;
    bulk.delivered(each);
  };
  const pass = (durationMs: number) => {
    for (let step = 0; step < durationMs; step += 10) {
      clock.advance(10);
      for (let count = 0; state.open && count < 5_000; count += 1) deliver(record('requests.bulk', {}));
    }
  };
  return { bulk, clock, log, state, pass };
}

async function heartbeat(log: Awaited<ReturnType<typeof admission>>['log'], bulkCompleted: number, bulkBacklog: number): Promise<void> {
  const load = { model: 'm', precision: 'p', version: '1', queued: 0, running: 0, completed: bulkCompleted, failed: 0, meanBatchSize: 1, meanBatchMs: 1 };
  const beat: Heartbeat = {
    kind: 'worker', instance: 'w', time: 0, resources: { time: 0, cpuCores: 1, cpuUse: 0.5, memoryBytes: 1, memoryFreeBytes: 1 },
    variants: [{ ...load, bulkCompleted, bulkBacklog }],
  };
  const producer = await log.producer();
  await producer.send([{ topic: topicName(PREFIX, 'telemetry'), key: 'w', value: JSON.stringify(beat) }]);
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

test('without workers one bulk request a second is let in, however many wait', async () => {
  const { state, pass } = await admission();
  expect(state.open).toBe(false);
  pass(10_000);
  expect(state.admitted).toBeGreaterThanOrEqual(9);
  expect(state.admitted).toBeLessThanOrEqual(11);
});

test('workers that get everything done are given more and more', async () => {
  const { log, state, pass } = await admission();
  for (let beat = 0; beat < 12; beat += 1) {
    await heartbeat(log, state.admitted, 0);
    pass(500);
  }
  expect(state.admitted).toBeGreaterThan(1_000);
});

test('workers with a backlog are given no more than the least', async () => {
  const { log, state, pass } = await admission();
  for (let beat = 0; beat < 12; beat += 1) {
    await heartbeat(log, beat * 10, 100_000);
    pass(500);
  }
  expect(state.admitted).toBeLessThanOrEqual(8);
});

test('other topics are not held, and do not count', async () => {
  const { bulk, state } = await admission();
  state.open = true;
  for (let count = 0; count < 100; count += 1) bulk.delivered(record('requests', {}));
  expect(state.open).toBe(true);
});
