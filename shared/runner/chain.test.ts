import { afterEach, describe, expect, test, vi } from 'vitest';
import { fixedTopics } from '@tandem/schemas';
import { RecordError, TandemError } from '../errors/index.ts';
import { partitionOfKey, type LogRecord, type OutgoingRecord } from '../log/index.ts';
import { createMetrics, noTracing, type SpanOrigin, type Tracing } from '../telemetry/index.ts';
import { Chain, JsonOutput, readJson, stageReaders, type Stage, type StageName } from './index.ts';
import { cleanUp, harness } from './testing.ts';

afterEach(cleanUp);

type Handle = Stage['handle'];

const topology = { prefix: 't.', partitions: 1 };
const readersOf = stageReaders(fixedTopics(topology));

function stage(name: StageName, topics: readonly string[], handle: Handle, over: Partial<Stage> = {}): Stage {
  return { name, inputs: [{ group: name, topics: topics.map((topic) => `t.${topic}`) }], handle, ...over };
}

function chain(stages: readonly Stage[], partitions = 1, tracing: Tracing = noTracing): Chain {
  return new Chain(stages, { partitions, readersOf, metrics: createMetrics({ processMetrics: false }), tracing });
}

/** A classifier that makes a task of each request, and a scheduler and a fusion that do what they are told with it. */
async function chained(handlers: { scheduler?: Handle; fusion?: Handle }, over: Partial<Stage> = {}, partitions = 1) {
  const toTask: Handle = (record) => [new JsonOutput('t.tasks', 'k', { requestId: record.value?.toString() ?? '' })];
  const unit = chain([
    stage('classifier', ['requests'], toTask),
    stage('scheduler', ['tasks', 'outcomes'], handlers.scheduler ?? (() => [])),
    stage('fusion', ['tasks', 'outcomes'], handlers.fusion ?? (() => []), over),
  ], partitions);
  return { unit, ...await harness((record, context) => unit.handle(record, context), { inputs: unit.inputs, drain: () => unit.drain() }) };
}

const committedBy = async ({ log }: Awaited<ReturnType<typeof chained>>) => (await log.admin.committed('t.classifier+scheduler+fusion', 't.requests'))[0]?.offset;

describe('a chain', () => {
  test('hands a record to all stages that read its topic, fusion first, without writing it', async () => {
    const heard: string[] = [];
    const note = (name: string): Handle => (record) => (heard.push(`${name} ${JSON.stringify(readJson(record))}`), []);
    const h = await chained({ scheduler: note('scheduler'), fusion: note('fusion') });
    await h.start();
    const tasks = await h.read('tasks');
    await h.send(['r1']);
    await vi.waitFor(() => expect(heard).toEqual(['fusion {"requestId":"r1"}', 'scheduler {"requestId":"r1"}']), 10_000);
    await vi.waitFor(async () => expect(await committedBy(h)).toBe(1), 10_000);
    expect(tasks).toEqual([]);
  });

  test('tells where each record stands that it hands over, by which its span is known again', () => {
    const origins: [string, Partial<SpanOrigin>][] = [];
    const start: Tracing['start'] = (name, _topic, _headers, { partition, offset, timestamp, ordinal } = { partition: 0, offset: 0, timestamp: 0 }) => void origins.push([name, { partition, offset, timestamp, ordinal: ordinal ?? 0 }]);
    const two: Handle = () => [new JsonOutput('t.tasks', 'k', { a: 1 }), new JsonOutput('t.tasks', 'k', { a: 2 })];
    const unit = chain([stage('classifier', ['requests'], two), stage('scheduler', ['tasks'], () => []), stage('fusion', ['tasks'], () => [])], 1, { ...noTracing, isOn: true, start });
    const record: LogRecord = { topic: 't.requests', partition: 0, offset: 7, key: 'k', value: Buffer.from('{}'), headers: {}, timestamp: 5 };
    void unit.handle(record, { publish: () => Promise.resolve() });
    const place = { partition: 0, offset: -8, timestamp: 5 };
    expect(origins).toEqual([0, 1].flatMap((ordinal) => ['fusion', 'scheduler'].map((name) => [name, { ...place, ordinal }])));
  });

  test('acknowledges a record only when everything is durable that it led to', async () => {
    const answered = Promise.withResolvers<[]>();
    const h = await chained({ scheduler: (record) => (record.topic === 't.tasks' ? [{ topic: 't.outcomes', key: 'k', value: '{"requestId":"x"}' }] : []), fusion: (record) => (record.topic === 't.tasks' ? answered.promise : []) });
    await h.start();
    const outcomes = await h.read('outcomes');
    await h.send(['r1']);
    await vi.waitFor(() => expect(outcomes).toHaveLength(1), 10_000);
    expect(await committedBy(h)).toBeLessThanOrEqual(0);
    answered.resolve([]);
    await vi.waitFor(async () => expect(await committedBy(h)).toBe(1), 10_000);
  });

  test('is not done before what it writes is written', async () => {
    const written = Promise.withResolvers<undefined>();
    const unit = chain([stage('scheduler', ['tasks', 'outcomes'], () => [{ topic: 't.work.m.fp32', key: 'k', value: '{}' }]), stage('fusion', ['tasks', 'outcomes'], () => [])]);
    const settled = vi.fn();
    const done = Promise.resolve(unit.handle({ topic: 't.tasks', partition: 0, offset: 0, key: 'k', value: null, headers: {}, timestamp: 0 }, { publish: () => written.promise })).then(settled);
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).not.toHaveBeenCalled();
    written.resolve(undefined);
    await done;
    expect(settled).toHaveBeenCalledOnce();
  });

  test('writes what belongs to another partition than its origin', async () => {
    const handed: LogRecord[] = [];
    const unit = chain([
      stage('classifier', ['requests'], () => ['a', 'b', 'c', 'd'].map((key) => new JsonOutput('t.tasks', key, { requestId: key }))),
      stage('scheduler', ['tasks'], (record) => (handed.push(record), [])),
      stage('fusion', ['tasks'], () => []),
    ], 3);
    const written: string[] = [];
    const origin: LogRecord = { topic: 't.requests', partition: 1, offset: 7, key: null, value: null, headers: {}, timestamp: 99 };
    await unit.handle(origin, { publish: async (outputs) => void written.push(...outputs.map(({ key }) => key ?? '')) });
    const here = ['a', 'b', 'c', 'd'].filter((key) => partitionOfKey(key, 3) === 1);
    expect(here.length).toBeGreaterThan(0);
    expect(handed.map(({ key, partition, offset, timestamp }) => ({ key, partition, offset, timestamp }))).toEqual(here.map((key) => ({ key, partition: 1, offset: -8, timestamp: 99 })));
    expect([...written, ...here].sort()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('takes what it wrote for another partition as old as what led to it', async () => {
    const times: number[] = [];
    const unit = chain([
      stage('classifier', ['requests'], () => [new JsonOutput('t.tasks', 'a', {})]),
      stage('scheduler', ['tasks'], () => [new JsonOutput('t.work.m.fp32', 'a', {})]),
      stage('worker', ['work.m.fp32'], (record) => (times.push(record.timestamp), [])),
      stage('fusion', ['tasks'], () => []),
    ], 3);
    const own = partitionOfKey('a', 3);
    const origin: LogRecord = { topic: 't.requests', partition: (own + 1) % 3, offset: 7, key: null, value: null, headers: {}, timestamp: 99 };
    const written: OutgoingRecord[] = [];
    const publish = async (outputs: readonly OutgoingRecord[]) => void written.push(...outputs);
    await unit.handle(origin, { publish });
    const [task] = written;
    const back: LogRecord = { topic: 't.tasks', partition: own, offset: 3, key: 'a', value: Buffer.from('{}'), headers: { ...task?.headers }, timestamp: 5_000 };
    await unit.handle(back, { publish });
    await unit.handle({ ...back, headers: {} }, { publish });
    expect(times).toEqual([99, 5_000]);
  });

  test('writes what a stage outside of it reads too', async () => {
    const unit = chain([stage('scheduler', ['tasks', 'outcomes'], () => [new JsonOutput('t.outcomes', 'k', {})]), stage('worker', ['work.m.fp32'], () => [])]);
    const publish = vi.fn(async () => undefined);
    await unit.handle({ topic: 't.tasks', partition: 0, offset: 0, key: 'k', value: null, headers: {}, timestamp: 0 }, { publish });
    expect(publish).toHaveBeenCalledOnce();
  });

  test('puts the record that came from the log on the dead letters when a later stage refuses what it led to', async () => {
    const h = await chained({ scheduler: () => { throw new RecordError('invalid_record', 'no'); }, fusion: () => Promise.resolve([]) });
    await h.start();
    const dead = await h.read('dead-letters');
    await h.send(['bad']);
    await vi.waitFor(() => expect(dead.map(({ key, value }) => [key, value?.toString()])).toEqual([['t.requests/0/0', 'bad']]), 10_000);
  });

  test('hears of each failure, also where a neighbour has failed before', async () => {
    const unheard = vi.fn();
    process.on('unhandledRejection', unheard);
    const late = Promise.withResolvers<[]>();
    const h = await chained({ scheduler: () => { throw new RecordError('invalid_record', 'no'); }, fusion: () => late.promise });
    await h.start();
    const dead = await h.read('dead-letters');
    await h.send(['bad']);
    await vi.waitFor(() => expect(dead).toHaveLength(1), 10_000);
    late.reject(new TandemError('going away', { code: 'stage_stopping', retryable: true }));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unheard);
    expect(unheard).not.toHaveBeenCalled();
  });

  test('begins again from the log when a later stage fails for a while', async () => {
    let failures = 2;
    const heard: unknown[] = [];
    const h = await chained({ scheduler: (record) => {
      if ((failures -= 1) >= 0) throw new TandemError('away', { code: 'cache_unavailable', retryable: true });
      heard.push(readJson(record));
      return [];
    } });
    await h.start();
    await h.send(['r1']);
    await vi.waitFor(() => expect(heard).toEqual([{ requestId: 'r1' }]), 10_000);
  });

  test('reads the shared topics in one group, once each, and leaves workers theirs', () => {
    const unit = chain([
      stage('classifier', ['requests'], () => []), stage('scheduler', ['tasks', 'outcomes'], () => []),
      { ...stage('worker', [], () => []), inputs: [{ group: 'worker.m.fp32', topics: ['t.work.m.fp32'], ownGroup: true }] },
      stage('fusion', ['tasks', 'outcomes'], () => []),
    ]);
    expect(unit.inputs).toEqual([
      { group: 'classifier+scheduler+worker+fusion', topics: ['t.requests', 't.tasks', 't.outcomes'], retriesOf: ['classifier', 'scheduler', 'fusion'] },
      { group: 'worker.m.fp32', topics: ['t.work.m.fp32'], ownGroup: true, retriesOf: ['worker'] },
    ]);
    expect(['requests', 'tasks', 'outcomes', 'work.m.fp32'].map((topic) => unit.retriesAs(`t.${topic}`))).toEqual(['classifier', 'scheduler', 'scheduler', 'worker']);
  });

  test('tells a stage that is handed records of partitions that are not in its own topics when they come', () => {
    const onAssigned = vi.fn();
    const worker: Stage = { name: 'worker', inputs: [{ group: 'worker.m.fp32', topics: ['t.work.m.fp32'], ownGroup: true }], handle: () => [], onAssigned };
    const unit = chain([stage('scheduler', ['tasks', 'outcomes'], () => []), worker, stage('fusion', ['tasks', 'outcomes'], () => [])]);
    const tenureOf = () => ({ state: 'certain' }) as const;
    unit.onAssigned([{ topic: 't.tasks', partition: 3 }], tenureOf);
    expect(onAssigned).toHaveBeenCalledExactlyOnceWith([{ topic: 't.work.m.fp32', partition: 3 }], tenureOf);
  });

  test('drains in the order of the flow: a stage gives up what it holds when those before it have finished', async () => {
    const events: string[] = [];
    const running = Promise.withResolvers<[JsonOutput]>();
    const unit = chain([
      stage('scheduler', ['tasks', 'outcomes'], (record) => (record.topic === 't.tasks' ? [new JsonOutput('t.work.m.fp32', 'k', {})] : [])),
      stage('worker', ['work.m.fp32'], () => running.promise, { drain: async () => { events.push('worker drains'); running.resolve([new JsonOutput('t.outcomes', 'k', {})]); } }),
      stage('fusion', ['tasks', 'outcomes'], ({ topic }) => (topic === 't.outcomes' && events.push('fusion has its outcome'), []), { drain: async () => void events.push('fusion drains') }),
    ]);
    const done = unit.handle({ topic: 't.tasks', partition: 0, offset: 0, key: 'k', value: null, headers: {}, timestamp: 0 }, { publish: async () => undefined });
    await unit.drain();
    await done;
    expect(events).toEqual(['worker drains', 'fusion has its outcome', 'fusion drains']);
  });
});
