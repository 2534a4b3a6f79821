import { DEAD_LETTER_HEADER, experimentSchema, fixedTopics, type AuditEntry } from '@tandem/schemas';
import { systemClock } from '@tandem/shared/clock';
import { ControlState } from '@tandem/shared/control';
import { started } from '@tandem/shared/core';
import { createEmbeddedLog, type LogRecord } from '@tandem/shared/log';
import { expect, onTestFinished, test } from 'vitest';
import { listLetters, showLetter } from './list-letters.ts';
import { Operator } from './operator.ts';

const NO_SIGNAL = new AbortController().signal;

async function setUp() {
  const log = createEmbeddedLog();
  onTestFinished(() => log.close());
  await log.admin.ensureTopics(fixedTopics({ prefix: 't.', partitions: 1 }));
  const producer = await log.producer();
  const read = async (topic: string): Promise<LogRecord[]> => {
    const records: LogRecord[] = [];
    for await (const batch of log.read({ topic: `t.${topic}`, partition: 0 })) records.push(...batch);
    return records;
  };
  const control = async () => {
    const state = new ControlState();
    for (const record of await read('control')) state.apply(record);
    return state;
  };
  const audit = async () => (await read('audit')).map(({ value }) => JSON.parse(value!.toString()) as AuditEntry);
  const letter = (key: string, code: string) => {
    const headers = { [DEAD_LETTER_HEADER.sourceTopic]: 't.requests', [DEAD_LETTER_HEADER.sourcePartition]: '0', [DEAD_LETTER_HEADER.sourceOffset]: '1', [DEAD_LETTER_HEADER.code]: code, [DEAD_LETTER_HEADER.stage]: 'classifier' };
    return producer.send([{ topic: 't.dead-letters', key, value: `value of ${key}`, headers }]);
  };
  return { log, operator: new Operator({ log, producer, prefix: 't.', clock: systemClock }), read, control, audit, letter };
}

test('what an operator wants stands on the control topic until it is taken back, and each action in the audit', async () => {
  const { operator, control, audit } = await setUp();
  await operator.pauseLane('ada', 'bulk');
  await operator.drainWorker('ada', 'w-1');
  expect([(await control()).laneHolds, (await control()).isDrained('w-1')]).toEqual([[expect.objectContaining({ lane: 'bulk', by: 'ada' })], true]);
  await operator.resumeLane('bob', 'bulk');
  await operator.resumeWorker('bob', 'w-1');
  expect([(await control()).laneHolds, (await control()).workerDrains]).toEqual([[], []]);
  expect((await audit()).map(({ actor, action, target, outcome }) => [actor, action, target, outcome])).toEqual([
    ['ada', 'lane.pause', 'bulk', 'done'], ['ada', 'worker.drain', 'w-1', 'done'], ['bob', 'lane.resume', 'bulk', 'done'], ['bob', 'worker.resume', 'w-1', 'done'],
  ]);
});

test('the letters that were chosen are put back; one that would end the same way is left, and said', async () => {
  const { log, operator, read, audit, letter } = await setUp();
  await letter('t.requests/0/1', 'internal');
  await letter('t.requests/0/2', 'invalid_json');
  await letter('t.requests/0/3', 'internal');
  expect(await listLetters(log, 't.', 0, NO_SIGNAL)).toMatchObject({ total: 3, letters: [{ key: 't.requests/0/3', inVain: null }, { inVain: 'its text is not JSON' }, { code: 'internal' }] });
  expect(await showLetter(log, 't.', 't.requests/0/1')).toMatchObject({ value: { text: 'value of t.requests/0/1' } });
  expect(await operator.replay('ada', ['t.requests/0/1', 't.requests/0/2'], NO_SIGNAL)).toMatchObject({ replayed: 1 });
  expect((await read('requests')).map(({ value }) => value?.toString())).toEqual(['value of t.requests/0/1']);
  expect((await listLetters(log, 't.', 0, NO_SIGNAL)).letters.map(({ key }) => key)).toEqual(['t.requests/0/3', 't.requests/0/2']);
  expect(await audit()).toMatchObject([{ action: 'dead-letters.replay', outcome: 'done', detail: '1 of 2 put back, 1 invalid_json in vain' }]);
});

test('an action that fails is in the audit as well', async () => {
  const { log, operator, audit } = await setUp();
  await log.admin.deleteTopics(['t.control']);
  await expect(operator.pauseLane('ada', 'bulk')).rejects.toThrow();
  expect(await audit()).toMatchObject([{ action: 'lane.pause', outcome: 'failed', detail: expect.stringContaining('t.control') }]);
});

test('an experiment is steered by a record that says who and why', async () => {
  const { operator, control, audit } = await setUp();
  const arms = [{ name: 'a', precision: 'fp32', weight: 1 }, { name: 'b', precision: 'int8', weight: 1 }];
  const experiment = started(experimentSchema.parse({ name: 'split', workload: 'w', model: 'm', arms }), {}, { by: 'ada', time: 1, why: 'started' });
  await operator.steerExperiment('ada', experiment, { deed: 'promote', arm: 'b' });
  expect((await control()).experiments).toEqual([expect.objectContaining({ state: 'promoted', winner: 'b', by: 'ada', revision: 2 })]);
  expect(await audit()).toEqual([expect.objectContaining({ actor: 'ada', action: 'experiment.promote', target: 'split', outcome: 'done' })]);
});

test('what cannot be done to an experiment is refused, and in the audit as well', async () => {
  const { operator, audit } = await setUp();
  const arms = [{ name: 'a', precision: 'fp32', weight: 1 }, { name: 'b', precision: 'int8', weight: 1 }];
  const experiment = started(experimentSchema.parse({ name: 'split', workload: 'w', model: 'm', arms }), {}, { by: 'ada', time: 1, why: 'started' });
  await expect(operator.steerExperiment('ada', experiment, { deed: 'weights', weights: { c: 1 } })).rejects.toMatchObject({ code: 'experiment_refused' });
  expect(await audit()).toMatchObject([{ actor: 'ada', action: 'experiment.weights', target: 'split', outcome: 'failed', detail: expect.stringContaining('no arm c') }]);
});
