import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { HEADER, RETRY_HEADER, responseSchema, topicName, type Heartbeat, type Outcome, type Response, type StageName, type Work } from '@tandem/schemas';
import { systemClock, type Clock } from '@tandem/shared/clock';
import { ControlState } from '@tandem/shared/control';
import { readErasureNotice, readHeartbeat, readSchedulerReport } from '@tandem/shared/core';
import { scanLetters, type DeadLetter } from '@tandem/shared/dead-letters';
import { startTandem, type RunningTandem } from '../support/system.ts';
import { until } from '../support/until.ts';
import { BULK, FLAGS, REQUESTS, recordsOf, scenario, type KeptRecord } from './scenario.ts';

const FOLDER = join(import.meta.dirname, 'records');
const VERSIONS = readdirSync(FOLDER).filter((name) => name.endsWith('.jsonl')).map((name) => name.slice(0, -'.jsonl'.length));
const ANSWERED = [...REQUESTS, ...BULK].map(({ requestId }) => requestId);
const recordsBy = (version: string): KeptRecord[] =>
  readFileSync(join(FOLDER, `${version}.jsonl`), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as KeptRecord);

const parsed = <Value>({ value }: KeptRecord): Value => JSON.parse(value!) as Value;
const on = (records: readonly KeptRecord[], ...topics: string[]) => records.filter(({ topic }) => topics.some((wanted) => topic === wanted || (wanted.endsWith('.') && topic.startsWith(wanted))));
const finals = (records: readonly KeptRecord[]): Response[] => on(records, 'responses').map((record) => parsed<Response>(record)).filter(({ final }) => final);

/** The time at which they were written: their deadlines lie ahead. */
function clockAsOf(records: readonly KeptRecord[]): Clock {
  const behindMs = systemClock.now() - Math.max(...records.map(({ timestamp }) => timestamp));
  return { now: () => systemClock.now() - behindMs, schedule: (at, callback) => systemClock.schedule(at + behindMs, callback) };
}

/** Some of today's stages, at the time of the records. */
const startedAt = (records: readonly KeptRecord[], stages: readonly StageName[]): Promise<RunningTandem> => startTandem({ ...FLAGS }, clockAsOf(records), stages);

async function write({ client, settings: { prefix } }: RunningTandem, records: readonly KeptRecord[]): Promise<void> {
  const producer = await client.ports.log.producer();
  // Their sources name topics by the prefix that they were recorded under; here that is a name like any other.
  await producer.send(records.map(({ topic, key, value, headers }) => ({ topic: `${prefix}${topic}`, key, value, headers })));
}

async function answersOf({ client }: RunningTandem, ids: readonly string[]): Promise<Response[]> {
  const find = (id: string) => client.responses.get(id)?.find(({ final }) => final);
  await until(() => ids.every((id) => find(id) !== undefined), { timeoutMs: 60_000, what: () => `answers to ${ids.filter((id) => find(id) === undefined).join()}` });
  return ids.map((id) => find(id)!);
}

/** What an answer means, whoever made it: not when, nor in which batch. */
function meaning({ requestId, workload, userId, status, reason, error, result, steps }: Response) {
  const ran = steps.map(({ step, model, precision, cached }) => ({ step, model, precision, cached }));
  const items = result !== undefined && 'items' in result ? result.items.map(({ itemId, score }) => `${itemId}: ${score}`) : undefined;
  const label = result !== undefined && 'label' in result ? result.label : undefined;
  return { requestId, workload, userId, status, reason, code: error?.code, ran, items, label };
}

const meanings = (responses: readonly Response[]) => responses.map(meaning).toSorted((one, other) => one.requestId.localeCompare(other.requestId));

/** With what differs from run to run told by its type alone. */
const VOLATILE = new Set(['arrivedAt', 'deadlineAt', 'dispatchedAt', 'dueAt', 'time', 'latencyMs', 'queueMs', 'computeMs', 'batchSize', 'version', 'message', 'source', 'confidence', 'scores', 'score', 'items', 'itemId', 'probabilities', 'resources', 'reason']);
function shape(value: unknown, name?: string): unknown {
  if (name !== undefined && VOLATILE.has(name)) return value === null ? null : Array.isArray(value) ? 'array' : typeof value;
  if (Array.isArray(value)) return value.map((item) => shape(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner, key)]));
}

interface Told { requestId?: string; task?: { requestId: string }; step?: string; kind?: string; final?: boolean }
/** The record of the same step of the same request. */
function placeOf(record: KeptRecord): string {
  const { requestId, task, step = '', kind = '', final = '' } = parsed<Told>(record);
  return [record.topic, requestId ?? task?.requestId, step, kind, final].join(' ');
}

/** The names and types of all that is in it; a list by its first entry. */
function typesOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [typesOf(value[0])];
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, typesOf(inner)]));
}

const lastHeartbeat = (records: readonly KeptRecord[]): Heartbeat | undefined =>
  on(records, 'telemetry').map(({ value }) => (value === null ? undefined : readHeartbeat(Buffer.from(value)))).findLast((one) => one?.kind === 'worker' && one.variants.every(({ batchTimes }) => (batchTimes?.length ?? 0) > 0));

test('there are records of earlier versions', () => {
  expect(VERSIONS).not.toEqual([]);
});

describe.each(VERSIONS)('what %s wrote', (version) => {
  const records = recordsBy(version);
  const responses = finals(records);

  test('is whole, and of the shape version that is read', () => {
    expect(responses.map(({ requestId }) => requestId).toSorted()).toEqual(ANSWERED.toSorted());
    for (const record of on(records, 'tasks', 'outcomes', 'responses', 'work.', 'bulk.')) expect(record.headers[HEADER.schemaVersion]).toBe('1');
  });

  test('tasks are decided, run and answered as they were then', { timeout: 120_000 }, async () => {
    await using tandem = await startedAt(records, ['scheduler', 'worker', 'fusion']);
    await write(tandem, on(records, 'tasks'));
    const wanted = responses.filter(({ status }) => status !== 'rejected');
    // What the models give is theirs to change from version to version.
    const withoutItems = (all: readonly Response[]) => meanings(all).map(({ items, ...rest }) => ({ ...rest, count: items?.length }));
    expect(withoutItems(await answersOf(tandem, wanted.map(({ requestId }) => requestId)))).toEqual(withoutItems(wanted));
    expect(tandem.client.deadLetters).toEqual([]);
  });

  test('work is run, also what waits to be tried again, and its outcomes carry the tasks on as they are', { timeout: 120_000 }, async () => {
    await using tandem = await startedAt(records, ['worker']);
    const ended = new Map<string, Outcome>();
    const told = (outcome: Outcome) => `${outcome.requestId} ${'step' in outcome ? outcome.step : ''}`;
    await tandem.client.ports.log.tail({ topic: topicName(tandem.settings.prefix, 'outcomes'), onRecord: ({ value }) => {
      const outcome = JSON.parse(value!.toString('utf8')) as Outcome;
      ended.set(told(outcome), outcome);
    } });
    const [waiting] = on(records, 'retry.worker');
    await write(tandem, [{ ...waiting!, headers: { ...waiting!.headers, [RETRY_HEADER.topic]: `${tandem.settings.prefix}${waiting!.headers[RETRY_HEADER.topic]}` } }]);
    const { step, task: { requestId } } = parsed<Work>(waiting!);
    await until(() => ended.has(`${requestId} ${step}`), { what: 'an outcome for what waits to be tried again' });
    ended.clear();
    await write(tandem, on(records, 'work.', 'bulk.'));
    const before = on(records, 'outcomes').map((record) => parsed<Outcome>(record)).filter(({ kind }) => kind === 'completed');
    expect(before).not.toEqual([]);
    await until(() => before.every((outcome) => ended.has(told(outcome))), { timeoutMs: 60_000, what: 'an outcome for each piece of work' });
    expect(before.map((outcome) => shape(ended.get(told(outcome))))).toMatchObject(before.map((outcome) => shape(outcome)) as object[]);
    expect(tandem.client.deadLetters).toEqual([]);
  });

  test('outcomes are fused into the same answers, and responses keep them from being given again', { timeout: 120_000 }, async () => {
    await using tandem = await startedAt(records, ['fusion']);
    const later = 'ordered-2';
    const given = on(records, 'responses').filter((record) => parsed<Response>(record).requestId !== later);
    await write(tandem, given);
    await write(tandem, on(records, 'tasks', 'outcomes'));
    const [answer] = await answersOf(tandem, [later]);
    expect(meaning(answer!)).toEqual(meaning(responses.find(({ requestId }) => requestId === later)!));
    expect([...tandem.client.responses].filter(([, all]) => all.filter(({ final }) => final).length > 1)).toEqual([]);
    expect(tandem.client.deadLetters).toEqual([]);

    await using anew = await startedAt(records, ['fusion']);
    await write(anew, on(records, 'tasks', 'outcomes'));
    expect(meanings(await answersOf(anew, ANSWERED))).toEqual(meanings(responses));
    expect(anew.client.deadLetters).toEqual([]);
  });

  test('telemetry, control and dead letters are read whole', async () => {
    const telemetry = on(records, 'telemetry');
    const heartbeats = telemetry.map(({ value }) => readHeartbeat(Buffer.from(value!))).filter((one) => one !== undefined);
    expect(heartbeats.map(({ kind, instance }) => ({ kind, instance }))).toContainEqual({ kind: 'worker', instance: 'worker' });
    expect(heartbeats[0]!.variants.length).toBeGreaterThan(0);
    expect(telemetry.map(({ value }) => readSchedulerReport(Buffer.from(value!))?.dispatched ?? 0)).toContainEqual(expect.toSatisfy((dispatched: number) => dispatched > 0));
    expect(telemetry.map(({ value }) => readErasureNotice(Buffer.from(value!))?.kind)).toContain('erasure');

    const control = new ControlState();
    expect(on(records, 'control').map(({ key, value }) => control.apply({ key, value: Buffer.from(value!) }))).toEqual(on(records, 'control').map(() => true));
    expect(control.experiments.map(({ definition: { name }, state }) => ({ name, state }))).toEqual([{ name: 'large-int8', state: 'running' }]);

    await using tandem = await startedAt(records, []);
    await write(tandem, on(records, 'dead-letters'));
    const letters: DeadLetter[] = [];
    for await (const letter of scanLetters({ log: tandem.client.ports.log, topic: topicName(tandem.settings.prefix, 'dead-letters') })) letters.push(letter);
    expect(letters.map(({ stage, code }) => ({ stage, code }))).toContainEqual({ stage: 'classifier', code: 'invalid_json' });
  });

  test('says nothing of anybody, and nothing of where it was written', () => {
    const text = JSON.stringify(records);
    expect([...text.matchAll(/\\"userId\\":\\"([^"\\]*)/g)].map(([, user]) => user!).filter((user) => !user.startsWith('user-'))).toEqual([]);
    expect(text).not.toMatch(/"title|\/home\/|\/root\/|\/work\/|node_modules/);
  });
});

describe('what is written today', () => {
  test.each(VERSIONS)('has all that readers of the time of %s found in it, with the same meaning', { timeout: 120_000 }, async (version) => {
    await using tandem = await startTandem({ ...FLAGS, kafka: inject('kafka') });
    const { client, settings: { prefix } } = tandem;
    await (await client.ports.log.producer()).send(scenario(prefix));
    await answersOf(tandem, ANSWERED);
    const today = new Map((await recordsOf(client.ports.log, prefix)).filter(({ value, topic }) => value?.startsWith('{') === true && topic !== 'telemetry').map((record) => [placeOf(record), record]));
    const then = on(recordsBy(version), 'tasks', 'outcomes', 'responses', 'work.', 'bulk.');
    expect(then.map(placeOf).filter((place) => !today.has(place))).toEqual([]);
    for (const record of then) {
      const now = today.get(placeOf(record))!;
      expect(shape(parsed(now)), placeOf(record)).toMatchObject(shape(parsed(record)) as object);
      expect(Object.keys(now.headers), placeOf(record)).toEqual(expect.arrayContaining(Object.keys(record.headers)));
      expect(now.key).toBe(record.key);
    }
    const beats = async () => lastHeartbeat(await recordsOf(client.ports.log, prefix));
    await until(async () => (await beats()) !== undefined, { what: 'a heartbeat that tells of batches' });
    expect(typesOf((await beats())!.variants)).toMatchObject(typesOf(lastHeartbeat(recordsBy(version))!.variants) as object);
    expect(client.responses.get('coarse')!.map((response) => responseSchema.safeParse(response).success)).toEqual([true]);
  });
});
