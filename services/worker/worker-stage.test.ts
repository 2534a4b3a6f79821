import { DEAD_LETTER_HEADER, type Outcome } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import { createOnnxEngine } from '@tandem/shared/engine';
import { silentLogger } from '@tandem/shared/telemetry';
import { expect, onTestFinished, test } from 'vitest';
import type { WorkerStageOptions } from './index.ts';
import { beats, context, FIXTURES, heldEngine, lookup, POISON, record, scoreOf, step, work, workerFactory } from './testing.ts';

const worker = workerFactory(onTestFinished);

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

test('work is worth doing until it is due, which is before the deadline; that of an older scheduler until the deadline', async () => {
  const clock = new ManualClock(1_000);
  const engine = heldEngine();
  const stage = await worker({ engine, clock });
  const running = stage.run(work(1));
  await engine.began(1);
  const due = (input: number, dueAt?: number) => stage.run({ ...work(input, { deadlineAt: 1_100 }), ...(dueAt === undefined ? {} : { dueAt }) });
  expect(await due(2, 1_000)).toMatchObject({ kind: 'expired' });
  const [waits, older] = [due(3, 1_060), due(4)];
  clock.advance(60);
  expect(await waits).toMatchObject({ kind: 'expired', requestId: 'r3' });
  engine.batches[0]!.end();
  await running;
  await engine.began(2);
  expect(engine.batches[1]!.ids).toEqual([4]);
  engine.batches[1]!.end();
  expect(await older).toMatchObject({ kind: 'completed' });
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

test('what a batch keeps a session for counts, and not the model’s time alone: work that would be too late for it is not begun', async () => {
  const engine = heldEngine();
  const clock = new ManualClock(1_000);
  const { run } = await worker({ engine, clock });
  for (let batch = 0; batch < 3; batch += 1) {
    const one = run(work(1));
    await engine.began(batch + 1);
    // 5 by the engine, but this thread has the result only then.
    clock.advance(30);
    engine.batches[batch]!.end();
    await one;
  }
  expect(await run(work(2, { deadlineAt: clock.now() + 20 }))).toMatchObject({ kind: 'expired' });
  const inTime = run(work(3, { deadlineAt: clock.now() + 100 }));
  await engine.began(4);
  engine.batches[3]!.end();
  expect(await inTime).toMatchObject({ kind: 'completed' });
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
  expect(inputs).toEqual([{ group: 'worker.lookup.fp32', topics: ['t.work.lookup.fp32', 't.bulk.lookup.fp32'], maxInFlight: 2_000, ownGroup: true }]);
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
    model: 'lookup', precision: 'fp32', version: '3', queued: 0, bulkQueued: 0, bulkBacklog: 0, unread: 0, expired: 0, breaker: 'closed', running: 0, completed: 1, bulkCompleted: 0, failed: 1, meanBatchSize: 1, meanBatchMs: expect.any(Number), meanQueueMs: expect.any(Number),
  }]);
});

test('while interactive work is about, no bulk stands between it and the session that becomes free', async () => {
  const engine = heldEngine();
  const { run } = await worker({ engine, clock: new ManualClock(1_000), limits: { maxBatchSize: 1, maxBulkBatchSize: 1 } });
  const first = run(work(1));
  await engine.began(1);
  engine.batches[0]!.end();
  await first;
  const rest = [run(work(2), 't.bulk.lookup.fp32'), run(work(3), 't.bulk.lookup.fp32')];
  await engine.began(2);
  rest.push(run(work(4)));
  for (let batch = 1; batch < 4; batch += 1) {
    await engine.began(batch + 1);
    engine.batches[batch]!.end();
  }
  await Promise.all(rest);
  expect(engine.batches.flatMap(({ ids }) => ids)).toEqual([1, 2, 4, 3]);
});

test('the bulk backlog of a variant is what waits here and what has not been delivered yet', async () => {
  const engine = heldEngine();
  const stage = await worker({ engine, limits: { maxBatchSize: 1, maxBulkBatchSize: 1 }, clock: new ManualClock(1_000) });
  stage.attach?.({ pause: () => undefined, resume: () => undefined, lag: (topic) => (topic === 't.bulk.lookup.fp32' ? 7 : 100) });
  for (const id of [1, 2, 3, 4]) void stage.run(work(id), 't.bulk.lookup.fp32');
  await engine.began(2);
  beats.length = 0;
  await stage.start?.(context);
  expect(beats[0]!.variants[0]).toMatchObject({ running: 2, queued: 2, bulkQueued: 2, bulkBacklog: 9 });
  for (let batch = 0; batch < 4; batch += 1) {
    await engine.began(batch + 1);
    engine.batches[batch]!.end();
  }
  await stage.drain?.();
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

