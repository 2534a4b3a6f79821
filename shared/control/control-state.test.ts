import fc from 'fast-check';
import { experimentSchema, fixedTopics, type Control, type ExperimentControl } from '@tandem/schemas';
import { expect, onTestFinished, test, vi } from 'vitest';
import { promoted, started, stopped } from '../core/index.ts';
import { createEmbeddedLog } from '../log/index.ts';
import { silentLogger } from '../telemetry/index.ts';
import { ControlState, followControl, keyOf, laneKey, SCHEDULER } from './index.ts';

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

const arms = [{ name: 'a', precision: 'fp32', weight: 1 }, { name: 'b', precision: 'int8', weight: 1 }];
const begun = (time: number, before?: ExperimentControl) => started(experimentSchema.parse({ name: 'split', workload: 'w', model: 'm', arms }), {}, { by: 'ada', time, why: 'started' }, before);
const change = { by: 'ada', time: 50, why: 'so' };
const byItself = { ...change, by: SCHEDULER };
const key = keyOf(begun(1));
const tombstone = { key, value: null };
function stateAfter(...records: { key: string; value: Buffer | null }[]): ControlState {
  const state = new ControlState();
  for (const each of records) state.apply(each);
  return state;
}

test('what a suspended process writes late counts for nothing, and is known to lie over what counts', () => {
  const first = begun(1);
  const [operators, late] = [stopped(first, change), promoted(first, 'b', byItself)];
  const state = stateAfter(record(first), record(operators), record(late));
  expect([state.experiments, state.overwritten]).toEqual([[operators], [{ key, control: operators }]]);
  expect([state.apply(record(operators)), state.experiments, state.overwritten]).toEqual([true, [operators], []]);
});

test('one that was removed does not come back by a late record, nor over a new one of the same name', () => {
  const first = begun(1);
  const late = promoted(promoted(first, 'b', change), 'b', byItself);
  const state = stateAfter(record(first), tombstone, record(late));
  expect([state.experiments, state.overwritten]).toEqual([[], [{ key, control: undefined }]]);
  expect([state.apply(tombstone), state.overwritten]).toEqual([true, []]);
  const second = begun((state.lastStartOf('split') ?? 0) + 1);
  expect([state.apply(record(second)), state.apply(record(late)), state.experiments]).toEqual([true, true, [second]]);
});

test('of two changes of the same revision the operator’s counts, whichever came first, and the later one of two operators’', () => {
  const first = begun(1);
  const [operators, others, schedulers] = [stopped(first, change), stopped(first, { ...change, by: 'bob' }), promoted(first, 'b', byItself)];
  expect(stateAfter(record(first), record(schedulers), record(operators)).experiments).toEqual([operators]);
  expect(stateAfter(record(first), record(operators), record(schedulers)).experiments).toEqual([operators]);
  expect(stateAfter(record(first), record(operators), record(others)).experiments).toEqual([others]);
});

test('one that is started again replaces what it was, also by a clock that is behind', () => {
  const first = stopped(begun(100), change);
  const second = begun(40, first);
  expect(stateAfter(record(first), record(second)).experiments).toEqual([second]);
});

test('whatever order the records of an experiment come in, all come to hold the same, and one more record of what counts is enough for those who come later', () => {
  const [first, other] = [begun(1), begun(2)];
  const all = [first, stopped(first, change), promoted(stopped(first, change), 'b', change), other, stopped(other, change)];
  fc.assert(fc.property(fc.shuffledSubarray(all, { minLength: 1 }), (some) => {
    const state = stateAfter(...some.map((each) => record(each)));
    const [highest] = some.toSorted((a, b) => b.startedAt - a.startedAt || b.revision - a.revision);
    expect(state.experiments).toEqual([highest]);
    const last = state.overwritten[0]?.control ?? some.at(-1)!;
    expect(stateAfter(record(last)).experiments).toEqual(state.experiments);
  }));
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
  await vi.waitFor(() => expect(seen).toEqual([1, 0]), 10_000);
  await control.close();
});
