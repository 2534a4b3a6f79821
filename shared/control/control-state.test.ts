import { fixedTopics, type Control } from '@tandem/schemas';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createEmbeddedLog } from '../log/index.ts';
import { silentLogger } from '../telemetry/index.ts';
import { ControlState, followControl, keyOf, laneKey } from './index.ts';

const hold: Control = { kind: 'lane_hold', lane: 'bulk', by: 'ada', time: 1 };
const drain: Control = { kind: 'worker_drain', instance: 'w-1', by: 'ada', time: 2 };
const record = (control: Control, key = keyOf(control)) => ({ key, value: Buffer.from(JSON.stringify(control)) });

test('what an operator wants holds until a tombstone takes it back', () => {
  const state = new ControlState();
  expect([state.apply(record(hold)), state.apply(record(drain))]).toEqual([true, true]);
  expect([state.laneHolds, state.workerDrains, state.isDrained('w-1'), state.isDrained('w-2')]).toEqual([[hold], [drain], true, false]);
  expect(state.apply({ key: laneKey('bulk'), value: null })).toBe(true);
  expect([state.laneHolds, state.apply({ key: laneKey('bulk'), value: null })]).toEqual([[], false]);
});

test.each([
  { key: null, value: Buffer.from('{}') }, { key: 'lane/bulk', value: Buffer.from('no json') },
  record({ ...hold, lane: 'none' } as unknown as Control, 'lane/none'), record(hold, 'lane/interactive'), record(drain, 'worker/another'),
])('what cannot be read, or says another thing than its key, changes nothing: $key', (foreign) => {
  expect(new ControlState().apply(foreign)).toBe(false);
});

test('whoever follows knows first what there was, then every change', async () => {
  const log = createEmbeddedLog();
  onTestFinished(() => log.close());
  await log.admin.ensureTopics(fixedTopics({ prefix: 't.', partitions: 1 }));
  const producer = await log.producer();
  const send = (key: string, value: string | null) => producer.send([{ topic: 't.control', key, value }]);
  await send('lane/bulk', JSON.stringify(hold));
  const seen: number[] = [];
  const control = await followControl({ log, prefix: 't.', logger: silentLogger, onChange: ({ laneHolds }) => seen.push(laneHolds.length) });
  expect(seen).toEqual([1]);
  await send('lane/bulk', null);
  await vi.waitFor(() => expect(seen).toEqual([1, 0]));
  await control.close();
});
