import type { ExperimentControl, Variant, Workload } from '@tandem/schemas';
import { workloadSchema } from '@tandem/schemas';
import { expect, test } from 'vitest';
import { rolledBack, started } from '../core/index.ts';
import { checkExperiment, experimentNamed, experimentRecords, removalRecords, wished, type ExperimentWish } from './index.ts';

const variant = (model: string, precision: string, version = '1', adapter = 'x'): Variant => ({
  model, precision, version, status: version === '1' ? 'stable' : 'canary', adapter, graphs: {}, limits: {}, lineage: {}, accuracy: { metric: 'm', value: 1, others: {}, data: '', date: '' },
});
const variants = [variant('large', 'fp32'), variant('large', 'int8'), variant('large', 'fp32', '2'), variant('other', 'fp32', '1', 'y')];
const plans = { fine: { strategy: 'rerank', steps: [{ id: 'fine', role: 'fine', model: 'large' }] } };
const workloads: Workload[] = [workloadSchema.parse({ name: 'w', description: '', adapter: 'x', plans })];
const arms = [{ name: 'a', precision: 'fp32', weight: 9 }, { name: 'b', precision: 'int8', weight: 1 }, { name: 's', precision: 'int8', shadow: true, weight: 0.1 }];
const file = (over: object = {}) => JSON.stringify({ name: 'split', workload: 'w', model: 'large', arms, ...over });
const check = (text: string, others: ExperimentControl[] = []) => checkExperiment(text, { workloads, variants, others });
const change = { by: 'me', time: 5 };
const running = (over: object = {}) => started(check(file(over)).definition, {}, { ...change, why: 'started' });

test('a file that is well gets its defaults', () => {
  expect(check(file()).definition).toMatchObject({ control: 'a', goal: 'better', alpha: 0.05, whenWon: 'promote', guards: { errorShare: 0.02 } });
});

test.each([
  ['no json', /not JSON/], [file({ arms: [] }), /not an experiment: arms/], [file({ unknown: 1 }), /not an experiment/], [file({ workload: 'v' }), /no workload v; there are w/],
  [file({ model: 'small' }), /no step|no plan of w has a step of small; they have large/], [file({ arms: [arms[0], arms[0]] }), /same name/], [file({ arms: [arms[0]] }), /one arm alone/],
  [file({ arms: [arms[2], arms[0]] }), /first arm has to serve/], [file({ control: 's' }), /has to be an arm that serves: a, b/],
  [file({ arms: [arms[0], { ...arms[1], precision: 'fp16' }] }), /arm b wants large\.fp16; the registry has large\.fp32/],
  [file({ arms: [arms[0], { ...arms[1], model: 'other', precision: 'fp32' }] }), /whose adapter is not that of large/],
  [file({ arms: [arms[0], { name: 'b', version: '2', weight: 1 }] }), /has to name a precision too/], [file({ arms: [arms[0], arms[1], { ...arms[2], weight: 2 }] }), /share of users who are mirrored, 0 to 1/],
  [file({ arms: [{ ...arms[0], weight: 0 }, { ...arms[1], weight: 0 }] }), /needs a weight above 0/],
])('a file that is not is refused with what to do: %s', (text, message) => {
  expect(() => check(text)).toThrow(expect.objectContaining({ code: 'experiment_invalid', message: expect.stringMatching(message) }));
});

test('two experiments cannot be about the same steps, nor one be started twice', () => {
  expect(() => check(file({ name: 'other' }), [running()])).toThrow(expect.objectContaining({ code: 'experiment_conflict', message: expect.stringContaining('tandem experiment stop split') }));
  expect(() => check(file(), [running()])).toThrow(expect.objectContaining({ code: 'experiment_conflict' }));
  expect(check(file(), [{ ...running(), state: 'rolled_back' }]).definition.name).toBe('split');
});

test('an arm of a version brings along what is released when it is promoted, before anybody is told, and takes it back when it is rolled back', () => {
  const { definition, releases } = check(file({ arms: [arms[0], { name: 'b', precision: 'fp32', version: '2', weight: 1 }] }));
  const control = started(definition, releases, { ...change, why: 'started' });
  const { next, deed } = wished(control, { deed: 'promote' }, change);
  const records = experimentRecords(next, { prefix: 't.', actor: 'me', deed, time: 5 });
  expect(records.map(({ topic, key }) => `${topic} ${key ?? ''}`)).toEqual(['t.models large.fp32', 't.control experiment/split', 't.audit me']);
  expect(JSON.parse(records[0]!.value as string)).toMatchObject({ version: '2', status: 'stable' });

  const back = wished(next, { deed: 'rollback' }, change);
  expect(experimentRecords(back.next, { prefix: 't.', actor: 'me', deed: back.deed, time: 6 })[0]).toEqual({ topic: 't.models', key: 'large.fp32', value: null });
  const never = wished(control, { deed: 'rollback' }, change);
  expect(experimentRecords(never.next, { prefix: 't.', actor: 'me', deed: never.deed, time: 6 }).map(({ topic }) => topic)).toEqual(['t.control', 't.audit']);
});

test.each<[ExperimentWish, object]>([
  [{ deed: 'weights', weights: { b: 5 } }, { state: 'running', weights: { a: 9, b: 5 }, why: 'b 5' }], [{ deed: 'promote' }, { state: 'promoted', winner: 'b' }], [{ deed: 'promote', arm: 'a' }, { winner: 'a' }],
  [{ deed: 'rollback' }, { state: 'rolled_back', out: { b: 'all back to control', s: 'all back to control' } }], [{ deed: 'rollback', arm: 's' }, { state: 'running', out: { s: 's back to control' } }],
  [{ deed: 'stop' }, { state: 'stopped' }],
])('what an operator wants becomes a record: %o', (wish, expected) => {
  expect(wished(running(), wish, change).next).toMatchObject({ revision: 2, by: 'me', ...expected });
});

test.each<[ExperimentWish, ExperimentControl, RegExp]>([
  [{ deed: 'weights', weights: { x: 1 } }, running(), /no arm x; there are a, b, s/], [{ deed: 'weights', weights: { a: 0, b: 0 } }, running(), /above 0/],
  [{ deed: 'weights', weights: { b: 1 } }, { ...running(), state: 'stopped' }, /is stopped: start it again/], [{ deed: 'promote', arm: 's' }, running(), /no such arm as s: one of b, a/],
  [{ deed: 'weights', weights: { b: 1 } }, rolledBack(running(), 'b', { ...change, why: 'slow' }), /b was rolled back \(slow\)/], [{ deed: 'rollback', arm: 'a' }, running(), /a is control/],
  [{ deed: 'promote' }, { ...running(), state: 'stopped' }, /start it again first/],
])('what cannot be is refused: %o', (wish, control, message) => {
  expect(() => wished(control, wish, change)).toThrow(expect.objectContaining({ code: 'experiment_refused', message: expect.stringMatching(message) }));
});

test('one that is not there is named, with those that are', () => {
  expect(() => experimentNamed('x', [running()])).toThrow(expect.objectContaining({ code: 'experiment_not_found', message: 'there is no experiment x; there are split' }));
});

test('of one that is removed only the audit is left', () => {
  const records = removalRecords('split', ['experiment/split/f'], { prefix: 't.', actor: 'me', deed: 'remove', time: 1 });
  expect(records.map(({ topic, key, value }) => [topic, key, value === null])).toEqual([['t.control', 'experiment/split', true], ['t.telemetry', 'experiment/split/f', true], ['t.audit', 'me', false]]);
});
