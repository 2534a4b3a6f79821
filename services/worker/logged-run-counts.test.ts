import { ManualClock } from '@tandem/shared/clock';
import { createEmbeddedLog, type EventLog } from '@tandem/shared/log';
import { expect, onTestFinished, test } from 'vitest';
import { LoggedRunCounts } from './logged-run-counts.ts';

const HOUR_MS = 3_600_000;
const suspicion = (key: string, attempt: number) => ({ key, attempt });

async function opened() {
  const clock = new ManualClock(10 * HOUR_MS);
  const log = createEmbeddedLog({ clock });
  onTestFinished(() => log.close());
  await log.admin.ensureTopics([{ name: 't.telemetry', partitions: 1, cleanup: 'compact', retentionMs: HOUR_MS, maxRecordBytes: 1_000_000, timestamps: 'append', producer: '', consumer: '', schema: '', key: '' }]);
  return { clock, log };
}

/** A process of that name; two of the same name are one that was started again. */
async function process(log: EventLog, instance = 'worker'): Promise<LoggedRunCounts> {
  const producer = await log.producer();
  const counts = new LoggedRunCounts({ log, prefix: 't.', instance });
  counts.start({ publish: async (outputs) => void (await producer.send(outputs)) });
  counts.refresh();
  return counts;
}

test('whoever comes next, also under the same name, knows what a process died with, and which run of it that was', async () => {
  const { log } = await opened();
  const first = await process(log);
  await first.begin([suspicion('a', 1), suspicion('killer', 1)]);
  const second = await process(log);
  expect([await second.of('a'), await second.of('killer'), await second.of('other')]).toEqual([1, 1, 0]);
  await second.begin([suspicion('a', 2)]);
  await second.end([suspicion('a', 2)]);
  await second.begin([suspicion('killer', 2)]);
  expect(await second.of('a')).toBe(0);
  const third = await process(log, 'another');
  expect(await third.of('killer')).toBe(2);
});

test('what has ended is not counted against anybody, once nothing runs or something else does', async () => {
  const { log } = await opened();
  const first = await process(log);
  await first.begin([suspicion('a', 1)]);
  await first.begin([suspicion('b', 1)]);
  await first.end([suspicion('a', 1)]);
  await first.begin([suspicion('c', 1)]);
  const second = await process(log);
  expect([await second.of('a'), await second.of('b'), await second.of('c')]).toEqual([0, 1, 1]);
  await first.end([suspicion('b', 1), suspicion('c', 1)]);
  const third = await process(log);
  expect([await third.of('b'), await third.of('c')]).toEqual([0, 0]);
});

test('deaths of more than an hour ago count no more, and foreign records stop nobody', async () => {
  const { log, clock } = await opened();
  await (await process(log)).begin([suspicion('a', 2)]);
  clock.advance(2 * HOUR_MS);
  await (await log.producer()).send([
    { topic: 't.telemetry', key: 'suspects/x/y', value: 'not json' }, { topic: 't.telemetry', key: 'suspects/x/z', value: '{"kind":"suspects","runs":{"a":"many"}}' },
    { topic: 't.telemetry', key: null, value: '{"kind":"worker"}' },
  ]);
  expect(await (await process(log)).of('a')).toBe(0);
});
