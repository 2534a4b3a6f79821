import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { DEAD_LETTER_HEADER, type ClassScores, type GraphSpec, type Heartbeat, type Outcome, type PlanStep, type Task, type Variant, type Work } from '@tandem/schemas';
import { createMemoryCache } from '@tandem/shared/cache';
import { ManualClock, systemClock } from '@tandem/shared/clock';
import type { Adapter } from '@tandem/shared/core';
import { createOnnxEngine, type InferenceEngine, type Invocation } from '@tandem/shared/engine';
import type { LogRecord } from '@tandem/shared/log';
import type { Stage, StageOutput } from '@tandem/shared/runner';
import { silentLogger } from '@tandem/shared/telemetry';
import { expect, onTestFinished, test } from 'vitest';
import { createWorkerStage, type WorkerStageOptions } from './index.ts';

const FIXTURES = fileURLToPath(new URL('../../shared/engine/fixtures/', import.meta.url));
const graphs = JSON.parse(readFileSync(`${FIXTURES}graphs.json`, 'utf8')) as Record<string, GraphSpec>;
const POISON = 99;

/** Looks a number up: score = 10 × id; an id above 7 fails its whole batch. */
const lookupAdapter: Adapter = {
  name: 'lookup',
  inputSchema: z.unknown(),
  prepare: (input) => ({ features: input, marks: [], hasCandidates: false }),
  shape(work) {
    if (work.task.input === 'unreadable') throw new Error('no length');
    return { graph: 'lookup', length: 1 };
  },
  dimensions: (_graph, batch) => ({ batch: batch.length }),
  encode(_graph, batch, inputs) {
    batch.forEach((work, row) => (inputs['ids']!.data[row] = work.task.input as number));
  },
  decode: (_graph, batch, outputs) => batch.map((_, row) => ({ labels: ['score'], probabilities: [outputs['score']!.data[row]!] })),
  present: () => ({ sequence: [] }),
  fallback: () => undefined,
};

const lookup: Variant = {
  model: 'lookup', precision: 'fp32', version: '3', status: 'stable', adapter: 'lookup', lineage: {}, limits: {},
  accuracy: { metric: 'accuracy', value: 1, others: {}, data: 'none', date: '2026-01-01' }, graphs: { lookup: graphs['lookup']! },
};

const step = (id: string, after: string[] = []): PlanStep => ({ id, role: 'coarse', model: 'lookup', after, required: false });

function work(input: unknown, over: Partial<Task> = {}, steps = [step('look')]): Work {
  const task: Task = {
    requestId: `r${String(input)}`, workload: 'w', key: `key-${String(input)}`, lane: 'interactive', task: 'coarse', tier: 'standard',
    arrivedAt: 0, deadlineAt: null, accuracyFloor: null, activity: 0, input, source: 't.requests/0/0', marks: [],
    plan: { id: 'p', strategy: 'cascade', steps }, ...over,
  };
  return { step: 'look', model: 'lookup', precision: 'fp32', reason: 'why not', dispatchedAt: 0, task, previous: {} };
}

function record(value: unknown, topic = 't.work.lookup.fp32'): LogRecord {
  const bytes = typeof value === 'string' ? value : JSON.stringify(value);
  return { topic, partition: 0, offset: 0, key: 'k', value: Buffer.from(bytes), headers: {}, timestamp: 0 };
}

const beats: Heartbeat[] = [];
const context = {
  publish: async (outputs: readonly StageOutput[]) => {
    beats.push(...outputs.map(({ value }) => JSON.parse(value as string) as Heartbeat));
  },
};

async function worker(over: Partial<WorkerStageOptions> = {}): Promise<Stage & { run(value: unknown, topic?: string): Promise<Outcome> }> {
  const stage = await createWorkerStage({
    prefix: 't.', instance: 'worker-1', variants: [lookup], adapters: new Map([['lookup', lookupAdapter]]),
    engine: over.engine ?? createOnnxEngine({ modelsDirectory: FIXTURES, threads: 2 }),
    probe: { sample: async () => ({ time: 0, cpuCores: 2, memoryBytes: 8, memoryFreeBytes: 4 }) },
    clock: systemClock, cache: createMemoryCache(), log: { now: () => 0 }, logger: silentLogger, ...over,
  });
  onTestFinished(() => stage.stop?.());
  const run = async (value: unknown, topic?: string) => {
    const [output] = await stage.handle(record(value, topic), context);
    return JSON.parse(output!.value as string) as Outcome;
  };
  return Object.assign(stage, { run });
}

/** An engine whose batches end when the test says so. */
function heldEngine(concurrency = 1): InferenceEngine & { batches: { size: number; end(): void }[]; began(count: number): Promise<void> } {
  const batches: { size: number; end(): void }[] = [];
  const prepare = async (_graph: string, { batch = 0 }: Readonly<Record<string, number>>): Promise<Invocation> => {
    const view = { dims: [batch], data: new Int32Array(batch) };
    return {
      inputs: { ids: view },
      run: () => new Promise((resolve) => batches.push({ size: batch, end: () => resolve({ outputs: { score: { dims: [batch], data: Float32Array.from(view.data, (id) => 10 * id) } }, computeMs: 5 }) })),
      release: () => undefined,
    };
  };
  const close = async () => undefined;
  return {
    concurrency, batches, close, [Symbol.asyncDispose]: close,
    load: async (variant) => ({ variant, provider: 'held', memoryBytes: 1, prepare, unload: close }),
    began: async (count) => {
      while (batches.length < count) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const scoreOf = (outcome: Outcome) => outcome.kind === 'completed' && (outcome.result as ClassScores).probabilities[0];

test('records that arrive together share batches, and each gets its own answer', async () => {
  const { run } = await worker();
  const ids = Array.from({ length: 100 }, (_, index) => (index * 5) % 8);
  const outcomes = await Promise.all(ids.map((id) => run(work(id))));
  expect(outcomes.map(scoreOf)).toEqual(ids.map((id) => 10 * id));
  const sizes = outcomes.map((outcome) => outcome.kind === 'completed' && outcome.run.batchSize);
  expect(sizes).toContain(32);
});

test('an outcome says what ran and why, on the topic and key of its task', async () => {
  const stage = await worker();
  const [output] = await stage.handle(record(work(4)), context);
  expect(output).toMatchObject({ topic: 't.outcomes', key: 'key-4' });
  expect(JSON.parse(output!.value as string)).toEqual({
    kind: 'completed', requestId: 'r4', step: 'look', task: work(4).task, previous: {}, result: { labels: ['score'], probabilities: [40] },
    run: {
      model: 'lookup', precision: 'fp32', version: '3', batchSize: 1, reason: 'why not',
      queueMs: expect.any(Number), computeMs: expect.any(Number),
    },
  });
});

test('an outcome brings along the task and what became of the steps before', async () => {
  const { run } = await worker();
  const later = { ...work(1, {}, [step('before'), step('look', ['before'])]), previous: { before: { kind: 'skipped', reason: 'sure' } as const } };
  expect(await run(later)).toMatchObject({ task: { requestId: 'r1' }, previous: { before: { kind: 'skipped', reason: 'sure' } } });
});

test('one poisoned request in a batch fails alone; its mates succeed', async () => {
  const { run } = await worker();
  const ids = Array.from({ length: 32 }, (_, index) => (index === 20 ? POISON : index % 8));
  const outcomes = await Promise.all(ids.map((id) => run(work(id))));
  const failed = outcomes.filter(({ kind }) => kind === 'failed');
  expect(failed).toEqual([{
    kind: 'failed', requestId: 'r99', step: 'look', task: work(POISON).task, previous: {}, code: 'step_failed', model: 'lookup', precision: 'fp32', message: expect.stringContaining('lookup.fp32'),
  }]);
  expect(outcomes.filter(({ kind }) => kind === 'completed')).toHaveLength(31);
});

test('the record that fails alone goes to the dead letters too, with its bytes and where it came from', async () => {
  const codes: string[] = [];
  const stage = await worker({ observer: { deadLetter: (code) => codes.push(code) } });
  const bad = { ...record(work(POISON)), partition: 3, offset: 17, headers: { traceparent: 'kept' } };
  const [outputs] = await Promise.all([stage.handle(bad, context), stage.handle(record(work(1)), context)]);
  expect(outputs.map(({ topic }) => topic)).toEqual(['t.outcomes', 't.dead-letters']);
  expect(outputs[1]!.value).toBe(bad.value);
  expect(outputs[1]!.headers).toMatchObject({
    traceparent: 'kept', [DEAD_LETTER_HEADER.code]: 'step_failed', [DEAD_LETTER_HEADER.stage]: 'worker',
    [DEAD_LETTER_HEADER.sourceTopic]: 't.work.lookup.fp32', [DEAD_LETTER_HEADER.sourcePartition]: '3', [DEAD_LETTER_HEADER.sourceOffset]: '17',
  });
  expect(codes).toEqual(['step_failed']);
});

test('a batch of nothing but poison fails request by request', async () => {
  const { run } = await worker();
  const outcomes = await Promise.all(Array.from({ length: 64 }, () => run(work(POISON))));
  expect(outcomes.map(({ kind }) => kind)).toEqual(new Array(64).fill('failed'));
});

test('work that the adapter cannot even measure fails alone', async () => {
  const { run } = await worker();
  expect(await run(work('unreadable'))).toMatchObject({ kind: 'failed', code: 'step_failed' });
});

test('a batch whose thread dies is run again', async () => {
  const engine = createOnnxEngine({ modelsDirectory: FIXTURES, threads: 2 });
  const { run } = await worker({ engine });
  engine.loseThread(0);
  engine.loseThread(1);
  const outcomes = await Promise.all([1, 2, 3].map((id) => run(work(id))));
  expect(outcomes.map(scoreOf)).toEqual([10, 20, 30]);
});

test('work whose deadline has passed is not computed', async () => {
  const engine = heldEngine();
  const { run } = await worker({ engine, clock: new ManualClock(1_000) });
  expect(await run(work(1, { deadlineAt: 1_000 }))).toMatchObject({ kind: 'expired', requestId: 'r1', step: 'look', model: 'lookup', precision: 'fp32' });
  expect(engine.batches).toHaveLength(0);
});

test('work whose deadline passes while it waits is answered as expired, and its mates are computed', async () => {
  const engine = heldEngine();
  const clock = new ManualClock(1_000);
  const { run } = await worker({ engine, clock, limits: { maxBatchSize: 4 } });
  // One runs, one is formed ahead, the rest waits.
  const first = Promise.all([1, 1, 1, 1].map((id) => run(work(id))));
  const second = Promise.all([2, 2, 2, 2].map((id) => run(work(id))));
  await engine.began(2);
  const late = run(work(3, { deadlineAt: 1_010 }));
  const patient = run(work(4, { deadlineAt: 9_000 }));
  clock.advance(20);
  engine.batches[0]!.end();
  expect((await late).kind).toBe('expired');
  engine.batches[1]!.end();
  await engine.began(3);
  engine.batches[2]!.end();
  expect(scoreOf(await patient)).toBe(40);
  expect((await Promise.all([first, second])).flat().map(({ kind }) => kind)).toEqual(new Array(8).fill('completed'));
});

test('while every session is busy, work gathers instead of being cut into batches of one', async () => {
  const engine = heldEngine();
  const clock = new ManualClock(1_000);
  const { run } = await worker({ engine, clock });
  const warm = run(work(1));
  await engine.began(1);
  engine.batches[0]!.end();
  await warm;
  const outcomes = [run(work(1))];
  await engine.began(2);
  for (const id of [2, 3, 4, 5]) {
    outcomes.push(run(work(id)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  engine.batches[1]!.end();
  await engine.began(3);
  expect(engine.batches[2]!.size).toBe(4);
  engine.batches[2]!.end();
  await Promise.all(outcomes);
});

test('interactive work goes before bulk that came earlier', async () => {
  const engine = heldEngine();
  const { run } = await worker({ engine, clock: new ManualClock(1_000), limits: { maxBatchSize: 1, maxBulkBatchSize: 1 } });
  const answered: number[] = [];
  const note = (outcome: Outcome) => answered.push(scoreOf(outcome) as number);
  const all = [...[1, 2].map((id) => run(work(id))), ...[3, 4].map((id) => run(work(id), 't.bulk.lookup.fp32')), ...[5, 6].map((id) => run(work(id)))];
  const noted = all.map((outcome) => outcome.then(note));
  for (let batch = 0; batch < 6; batch += 1) {
    await engine.began(batch + 1);
    engine.batches[batch]!.end();
  }
  await Promise.all(noted);
  expect(answered).toEqual([10, 20, 50, 60, 30, 40]);
});

test.each([['not JSON', '{'], ['not work', '{"requestId":"r"}'], ['null', 'null'], ['a tombstone', '']])('%s is refused as an invalid record', async (_, value) => {
  const { run } = await worker({ engine: heldEngine() });
  await expect(run(value)).rejects.toMatchObject({ code: 'invalid_record' });
});

test('one consumer group per variant, over its two lanes', async () => {
  const { inputs } = await worker({ engine: heldEngine() });
  expect(inputs).toEqual([{ group: 'worker.lookup.fp32', topics: ['t.work.lookup.fp32', 't.bulk.lookup.fp32'], maxInFlight: 2_000 }]);
  const pooled = await worker({ engine: heldEngine(), pool: 'gpu' });
  expect(pooled.inputs[0]).toMatchObject({ group: 'worker.lookup.fp32.gpu', topics: ['t.work.lookup.fp32.gpu', 't.bulk.lookup.fp32.gpu'] });
});

test('a heartbeat goes out at the start and every 500 ms, and counts what was done', async () => {
  const clock = new ManualClock(1_000);
  const stage = await worker({ clock });
  beats.length = 0;
  await stage.start?.(context);
  await Promise.all([1, POISON].map((id) => stage.run(work(id))));
  clock.advance(500);
  while (beats.length < 2) await new Promise((resolve) => setImmediate(resolve));
  expect(beats[0]).toMatchObject({ kind: 'worker', instance: 'worker-1', time: 1_000, resources: { cpuCores: 2 }, variants: [{ completed: 0, meanBatchSize: 0 }] });
  expect(beats[1]!.variants).toEqual([{
    model: 'lookup', precision: 'fp32', version: '3', queued: 0, bulkBacklog: 0, breaker: 'closed', running: 0, completed: 1, bulkCompleted: 0, failed: 1, meanBatchSize: 1, meanBatchMs: expect.any(Number),
  }]);
});

test('draining waits for everything that was taken', async () => {
  const engine = heldEngine();
  const stage = await worker({ engine });
  const outcome = stage.run(work(5));
  await engine.began(1);
  let drained = false;
  const draining = stage.drain?.().then(() => (drained = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(drained).toBe(false);
  engine.batches[0]!.end();
  await draining;
  expect(scoreOf(await outcome)).toBe(50);
});

test('work that a closed engine will not run is handed back to be retried elsewhere', async () => {
  const stage = await worker();
  await stage.stop?.();
  await expect(stage.run(work(1))).rejects.toMatchObject({ code: 'worker_stopping', retryable: true });
});

test('variants that cannot be served are refused with the reason, and the rest is served', async () => {
  const warnings: string[] = [];
  const logger = Object.assign(Object.create(silentLogger) as typeof silentLogger, { warn: (_: unknown, message: string) => warnings.push(message) });
  const broken = { ...lookup, precision: 'int8', graphs: { lookup: { ...lookup.graphs['lookup']!, file: 'nowhere.onnx' } } };
  const strange = { ...lookup, precision: 'fp16', adapter: 'strange' };
  const stage = await worker({ variants: [broken, strange, lookup], logger });
  expect(stage.inputs.map(({ group }) => group)).toEqual(['worker.lookup.fp32']);
  expect(warnings).toEqual([expect.stringContaining('nowhere.onnx'), expect.stringContaining('adapter strange')]);
});

test('variants beyond the memory budget are refused, naming both numbers', async () => {
  const warnings: string[] = [];
  const logger = Object.assign(Object.create(silentLogger) as typeof silentLogger, { warn: (_: unknown, message: string) => warnings.push(message) });
  const { bytes } = lookup.graphs['lookup']!;
  const stage = await worker({ variants: [lookup, { ...lookup, precision: 'int8' }], logger, memoryBudgetBytes: 3 * bytes });
  expect(stage.inputs.map(({ group }) => group)).toEqual(['worker.lookup.fp32']);
  expect(warnings).toEqual([expect.stringContaining(`${2 * bytes} bytes`)]);
  expect(warnings[0]).toContain(`memoryBudgetBytes is ${3 * bytes}`);
});

test('a worker with nothing to serve does not start', async () => {
  await expect(worker({ variants: [{ ...lookup, adapter: 'strange' }] })).rejects.toMatchObject({ code: 'no_variant_loaded' });
});

test.each<[Partial<WorkerStageOptions['limits'] & object>, string]>([[{ maxBatchSize: 0 }, 'maxBatchSize'], [{ maxQueueSize: 8 }, 'maxQueueSize']])('limits %o are refused, naming %s', async (limits, named) => {
  await expect(worker({ limits })).rejects.toThrow(named);
});

