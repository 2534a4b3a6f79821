import { expect, test } from 'vitest';
import type { Cancellation, Heartbeat, Outcome, PlanStep, ResourceSample, Task, Variant, Work } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import { thresholdPolicy, type Decision, type Policy } from '@tandem/shared/core';
import type { EventLog, LogRecord, TailOptions } from '@tandem/shared/log';
import type { ResourceProbe } from '@tandem/shared/probe';
import type { StageOutput } from '@tandem/shared/runner';
import { silentLogger } from '@tandem/shared/telemetry';
import { createSchedulerStage } from './stage.ts';

const variant = (model: string, precision: string): Variant => ({
  model, precision, version: '1', status: 'stable', adapter: 'recommend', graphs: {}, limits: {}, lineage: {},
  accuracy: { metric: 'ndcgAt10', value: 0.2, others: {}, data: 'test', date: '2026-01-01' },
});

/** @param earlier some worker has served all variants, and has left */
async function harness({ earlier = true, ...over }: { policy?: Policy; earlier?: boolean; instance?: string; probe?: Pick<ResourceProbe, 'sample'> } = {}) {
  const clock = new ManualClock(10_000);
  const decisions: Decision[] = [];
  let telemetry: TailOptions['onRecord'] = () => undefined;
  const tail = ({ onRecord }: TailOptions) => {
    telemetry = onRecord;
    return Promise.resolve({ caughtUp: Promise.resolve(), close: () => Promise.resolve() });
  };
  const stage = createSchedulerStage({
    prefix: 't.', policy: thresholdPolicy(), variants: [variant('small', 'fp32'), variant('small', 'int8'), variant('large', 'int8')],
    log: { tail } as unknown as EventLog,
    probe: { sample: () => Promise.resolve({ time: clock.now(), cpuCores: 2, cpuUse: 0.1, memoryBytes: 24e9, memoryFreeBytes: 20e9 }) },
    clock, logger: silentLogger, observer: { decided: (decision) => decisions.push(decision) }, ...over,
  });
  const published: StageOutput[] = [];
  const context = { publish: (outputs: readonly StageOutput[]) => Promise.resolve(void published.push(...outputs)) };
  await stage.start?.(context);
  const record = (topic: string, key: string | null, value: Buffer | null): LogRecord =>
    ({ topic: `t.${topic}`, partition: 0, offset: 0, key, value, headers: {}, timestamp: clock.now() });
  if (earlier) {
    const variants = ['small.fp32', 'small.int8', 'large.int8'].map((name) => ({ model: name.split('.')[0], precision: name.split('.')[1] }));
    telemetry(record('telemetry', 'earlier', Buffer.from(JSON.stringify({ kind: 'worker', instance: 'earlier', time: 0, variants, resources: { memoryFreeBytes: 1 } }))));
    telemetry(record('telemetry', 'earlier', null));
  }
  return {
    clock, decisions, published, drain: () => stage.drain?.(), stop: () => stage.stop?.(),
    handle: async (topic: string, value: unknown) => stage.handle(record(topic, 'k', Buffer.from(JSON.stringify(value))), context),
    heartbeat: (value: Heartbeat) => telemetry(record('telemetry', value.instance, Buffer.from(JSON.stringify(value)))),
    garbage: (value: Buffer | null, key: string | null = 'x') => telemetry(record('telemetry', key, value)),
  };
}

function step(id: string, model: string, over: Partial<PlanStep> = {}): PlanStep {
  return { id, role: id === 'fine' ? 'fine' : 'coarse', model, after: [], required: false, ...over };
}

function task(steps: PlanStep[], over: Partial<Task> = {}): Task {
  return {
    requestId: 'r1', workload: 'w', key: 'user-7', lane: 'interactive', task: 'full', tier: 'standard', arrivedAt: 0, deadlineAt: null,
    accuracyFloor: null, activity: 0, input: { history: [1] }, source: 't.requests/0/0', marks: [], plan: { id: 'full', strategy: 'rerank', steps }, ...over,
  };
}

const coarseThenFine = () => task([step('coarse', 'small'), step('fine', 'large', { after: ['coarse'], skipWhenConfident: 0.95 })]);

function completed(confidence: number): Outcome {
  const run = { model: 'small', precision: 'fp32', version: '1', batchSize: 1, queueMs: 0, computeMs: 1, reason: 'x' };
  return { kind: 'completed', requestId: 'r1', step: 'coarse', run, result: { items: [3], scores: [1], confidence }, task: coarseThenFine(), previous: {} };
}

test('the first step of a task goes to the topic of the chosen variant, keyed by the affinity key, with the reason', async () => {
  const { handle } = await harness();
  const [output] = await handle('tasks', coarseThenFine());
  expect(output).toMatchObject({ topic: 't.work.small.fp32', key: 'user-7' });
  const work = JSON.parse(output!.value as string) as Work;
  expect(work).toMatchObject({ step: 'coarse', model: 'small', precision: 'fp32', task: { requestId: 'r1' } });
  expect(work.reason).toMatch(/^threshold: coarse, CPU 0.10/);
});

test('a stop while resources are being sampled leaves no timer behind', async () => {
  const sampled = Promise.withResolvers<ResourceSample>();
  const sample = { time: 0, cpuCores: 2, cpuUse: 0.1, memoryBytes: 24e9, memoryFreeBytes: 20e9 };
  let samples = 0;
  const { clock, stop } = await harness({ probe: { sample: () => (samples += 1) === 1 ? Promise.resolve(sample) : sampled.promise } });
  clock.advance(500);
  expect(samples).toBe(2);
  await stop();
  sampled.resolve(sample);
  await new Promise((resolve) => setImmediate(resolve));
  expect(clock.pending).toBe(0);
});

test('bulk work goes to the bulk topic', async () => {
  const { handle } = await harness();
  const [output] = await handle('tasks', task([step('coarse', 'small')], { lane: 'bulk' }));
  expect(output!.topic).toBe('t.bulk.small.fp32');
});

test('an outcome makes the next step possible, with what came before', async () => {
  const { handle } = await harness();
  const [output] = await handle('outcomes', completed(0.5));
  expect(output!.topic).toBe('t.work.large.int8');
  expect((JSON.parse(output!.value as string) as Work).previous).toMatchObject({ coarse: { kind: 'completed', result: { items: [3], scores: [1], confidence: 0.5 } } });
});

test('a confident answer skips the large model, and says so on outcomes', async () => {
  const { handle } = await harness();
  const [output] = await handle('outcomes', completed(0.97));
  expect(output!.topic).toBe('t.outcomes');
  expect(JSON.parse(output!.value as string)).toMatchObject({ kind: 'skipped', step: 'fine', reason: 'confidence 0.970 ≥ 0.95' });
});

test('the large model still runs when the small one failed', async () => {
  const { handle } = await harness();
  const [output] = await handle('outcomes', { kind: 'failed', requestId: 'r1', step: 'coarse', code: 'step_failed', message: 'x', task: coarseThenFine() });
  expect(output!.topic).toBe('t.work.large.int8');
});

test('parallel members are dispatched together', async () => {
  const { handle } = await harness();
  const outputs = await handle('tasks', task([step('a', 'small'), step('b', 'large')], { deadlineAt: 20_000 }));
  expect(outputs.map(({ topic }) => topic)).toEqual(['t.work.small.fp32', 't.work.large.int8']);
});

test('without a deadline parallel members are dispatched one after the other, each with what came before', async () => {
  const { handle } = await harness();
  const both = task([step('a', 'small'), step('b', 'large')]);
  expect((await handle('tasks', both)).map(({ topic }) => topic)).toEqual(['t.work.small.fp32']);
  const [second] = await handle('outcomes', { ...completed(0.5), step: 'a', task: both });
  expect(second!.topic).toBe('t.work.large.int8');
  expect((JSON.parse(second!.value as string) as Work).previous).toMatchObject({ a: { kind: 'completed' } });
});

test('an expired task is not dispatched', async () => {
  const { handle } = await harness();
  const [output] = await handle('tasks', task([step('coarse', 'small')], { deadlineAt: 9_999 }));
  expect(JSON.parse(output!.value as string)).toMatchObject({ kind: 'expired', step: 'coarse' });
});

test('work says by when its result has to be there: before fusion answers without it, by the way back as it was measured', async () => {
  const { handle, clock, heartbeat } = await harness();
  const load = { version: '1', queued: 0, running: 0, completed: 0, failed: 0, meanBatchSize: 1, meanBatchMs: 1, batchTimes: [{ size: 1, ms: 1, samples: 10 }] };
  const beat = () => heartbeat({ kind: 'worker', instance: 'w', time: clock.now(), variants: [{ model: 'small', precision: 'fp32', ...load }], resources: { time: clock.now(), cpuCores: 2, cpuUse: 0.1, memoryBytes: 24e9, memoryFreeBytes: 20e9 } });
  beat();
  const dueOf = async (deadlineAt: number | null, requestId: string) => {
    const [output] = await handle('tasks', task([step('coarse', 'small')], { deadlineAt, requestId }));
    return (JSON.parse(output!.value as string) as Work).dueAt;
  };
  expect(await dueOf(10_100, 'r1')).toBe(10_095);
  expect(await dueOf(null, 'r2')).toBeUndefined();
  const learn = async (requestId: string) => {
    await dueOf(clock.now() + 100, requestId);
    clock.advance(14);
    beat();
    const run = { model: 'small', precision: 'fp32', version: '1', batchSize: 1, queueMs: 3, computeMs: 1, reason: 'x' };
    await handle('outcomes', { kind: 'completed', requestId, step: 'coarse', run, result: { items: [3], scores: [1] }, task: task([step('coarse', 'small')], { requestId }), previous: {} });
  };
  for (let count = 0; count < 100; count += 1) await learn(`learn-${count}`);
  const back = clock.now() + 95 - (await dueOf(clock.now() + 100, 'r3'))!;
  expect(back).toBeCloseTo(10, 0);
});

test('heartbeats say what is served and how busy it is; a silent worker is gone after three seconds', async () => {
  const { handle, heartbeat, clock, decisions } = await harness();
  const load = { version: '1', queued: 0, running: 0, completed: 0, failed: 0, meanBatchSize: 1, meanBatchMs: 1 };
  const beat: Heartbeat = {
    kind: 'worker', instance: 'worker-1', time: clock.now(), variants: [{ model: 'small', precision: 'int8', ...load }],
    resources: { time: clock.now(), cpuCores: 2, cpuUse: 0.95, memoryBytes: 24e9, memoryFreeBytes: 20e9 },
  };
  heartbeat(beat);
  clock.advance(1);
  expect((await handle('tasks', task([step('coarse', 'small')])))[0]!.topic).toBe('t.work.small.int8');
  expect(decisions.at(-1)).toMatchObject({ reason: 'threshold: coarse, CPU 0.95, 20.0 GB free → int8' });
  clock.advance(3_100);
  const [output] = await handle('tasks', task([step('coarse', 'small')], { deadlineAt: 20_000 }));
  expect(JSON.parse(output!.value as string)).toMatchObject({ kind: 'failed', code: 'no_variant' });
});

test('a worker whose clock is off is alive all the same', async () => {
  const { handle, heartbeat, clock } = await harness();
  const load = { version: '1', queued: 0, running: 0, completed: 0, failed: 0, meanBatchSize: 1, meanBatchMs: 1 };
  clock.advance(10_000);
  const resources = { time: 0, cpuCores: 2, cpuUse: 0.1, memoryBytes: 24e9, memoryFreeBytes: 20e9 };
  heartbeat({ kind: 'worker', instance: 'worker-1', time: clock.now() - 60_000, variants: [{ model: 'small', precision: 'fp32', ...load }], resources } satisfies Heartbeat);
  const [output] = await handle('tasks', task([step('coarse', 'small')], { deadlineAt: clock.now() + 1_000 }));
  expect(output!.topic).toBe('t.work.small.fp32');
});

test('foreign telemetry is ignored', async () => {
  const { garbage, handle } = await harness();
  for (const value of ['', '{', '[]', '{"kind":"worker"}', 'null']) garbage(Buffer.from(value));
  garbage(null);
  garbage(Buffer.from('{}'), null);
  expect((await handle('tasks', task([step('coarse', 'small')])))[0]!.topic).toBe('t.work.small.fp32');
});

const idle = { version: '1', queued: 0, running: 0, completed: 0, failed: 0, meanBatchSize: 1, meanBatchMs: 1 };

function beatOf(variants: Partial<Heartbeat['variants'][number]>[], over: Partial<Heartbeat> = {}): Heartbeat {
  const resources = { time: 10_000, cpuCores: 2, cpuUse: 0.1, memoryBytes: 24e9, memoryFreeBytes: 20e9 };
  return { kind: 'worker', instance: 'worker-1', time: 10_000, resources, variants: variants.map((one) => ({ model: 'small', precision: 'fp32', ...idle, ...one })), ...over };
}

const parsed = <T>(output: { value: unknown } | undefined): T => JSON.parse(output!.value as string) as T;

function redispatch(tried: string[]): Outcome {
  const [precision = ''] = (tried.at(-1) ?? '').split('.').slice(1);
  return { kind: 'redispatch', requestId: 'r1', step: 'coarse', task: coarseThenFine(), previous: {}, code: 'variant_unavailable', message: 'small is taken out', model: 'small', precision, tried };
}

test('a step that a worker would not run goes to another variant, which learns what has been tried', async () => {
  const { handle, heartbeat } = await harness();
  heartbeat(beatOf([{ precision: 'fp32', breaker: 'open' }, { precision: 'int8' }]));
  const [output, ...more] = await handle('outcomes', redispatch(['small.fp32']));
  expect(more).toEqual([]);
  expect(output!.topic).toBe('t.work.small.int8');
  expect(parsed<Work>(output)).toMatchObject({ step: 'coarse', tried: ['small.fp32'] });
});

test('where no other variant is left, the step fails as unavailable', async () => {
  const { handle, heartbeat } = await harness();
  heartbeat(beatOf([{ precision: 'fp32', breaker: 'open' }]));
  const [output] = await handle('outcomes', redispatch(['small.fp32']));
  expect(output!.topic).toBe('t.outcomes');
  expect(parsed(output)).toMatchObject({ kind: 'failed', step: 'coarse', code: 'variant_unavailable' });
});

test('a step is decided again twice at most', async () => {
  const { handle, heartbeat } = await harness();
  heartbeat(beatOf([{ precision: 'fp32' }, { precision: 'int8' }]));
  expect((await handle('outcomes', redispatch(['small.a', 'small.b'])))[0]!.topic).toBe('t.work.small.fp32');
  expect(parsed((await handle('outcomes', redispatch(['small.a', 'small.b', 'small.c'])))[0])).toMatchObject({ kind: 'failed', code: 'variant_unavailable', message: 'small is taken out' });
});

test('policies route around an open breaker; a half-open one gets one request per heartbeat', async () => {
  const { handle, heartbeat, clock } = await harness();
  const topics = async (count: number) => {
    const all: string[] = [];
    for (let index = 0; index < count; index += 1) all.push((await handle('tasks', task([step('coarse', 'small')])))[0]!.topic);
    return all;
  };
  heartbeat(beatOf([{ precision: 'fp32', breaker: 'open' }, { precision: 'int8', breaker: 'closed' }]));
  expect(await topics(2)).toEqual(['t.work.small.int8', 't.work.small.int8']);
  clock.advance(500);
  heartbeat(beatOf([{ precision: 'fp32', breaker: 'half_open' }, { precision: 'int8' }]));
  expect(await topics(3)).toEqual(['t.work.small.fp32', 't.work.small.int8', 't.work.small.int8']);
  clock.advance(500);
  heartbeat(beatOf([{ precision: 'fp32', breaker: 'half_open' }, { precision: 'int8' }]));
  expect(await topics(2)).toEqual(['t.work.small.fp32', 't.work.small.int8']);
});

test('a worker with the breaker open does not take the variant from the others', async () => {
  const { handle, heartbeat } = await harness();
  heartbeat(beatOf([{ precision: 'fp32', breaker: 'open' }, { precision: 'int8' }]));
  heartbeat(beatOf([{ precision: 'fp32', breaker: 'closed' }], { instance: 'worker-2' }));
  expect((await handle('tasks', task([step('coarse', 'small')])))[0]!.topic).toBe('t.work.small.fp32');
});

const cancellation: Cancellation = { cancel: true, requestId: 'r1', workload: 'w', key: 'user-7', arrivedAt: 0, source: 't.requests/0/9' };

test('a cancellation follows the work to both lanes of everything that is served, under the same key', async () => {
  const { handle, heartbeat } = await harness();
  heartbeat(beatOf([{ precision: 'fp32' }, { model: 'large', precision: 'int8' }]));
  heartbeat(beatOf([{ precision: 'fp32' }], { instance: 'worker-2', pool: 'gpu' }));
  const outputs = await handle('tasks', cancellation);
  expect(outputs.map(({ topic }) => topic).toSorted()).toEqual([
    't.bulk.large.int8', 't.bulk.small.fp32', 't.bulk.small.fp32.gpu', 't.work.large.int8', 't.work.small.fp32', 't.work.small.fp32.gpu',
  ]);
  for (const output of outputs) expect([output.key, parsed(output)]).toEqual(['user-7', cancellation]);
});

test('for a request that was taken back nothing more is dispatched, before its task came or between its steps', async () => {
  const { handle, clock } = await harness();
  await handle('tasks', cancellation);
  expect(parsed((await handle('tasks', coarseThenFine()))[0])).toMatchObject({ kind: 'skipped', step: 'coarse', reason: 'cancelled' });
  expect(parsed((await handle('outcomes', completed(0.5)))[0])).toMatchObject({ kind: 'skipped', step: 'fine', reason: 'cancelled' });
  clock.advance(600_000);
  expect((await handle('outcomes', completed(0.5)))[0]!.topic).toBe('t.work.large.int8');
});

test('a policy that throws does not leave its request unanswered', async () => {
  const { handle } = await harness({ policy: { name: 'broken', choose: () => { throw new Error('no idea'); } } as unknown as Policy });
  const [output] = await handle('tasks', task([step('coarse', 'small')]));
  expect(JSON.parse(output!.value as string)).toMatchObject({ kind: 'failed', step: 'coarse', code: 'internal', message: 'the policy failed: no idea' });
});

test('what no worker has ever served waits for one, and goes to the variant that it serves', async () => {
  const { handle, heartbeat } = await harness({ earlier: false });
  const decided = handle('tasks', coarseThenFine());
  const load = { version: '1', queued: 0, running: 0, completed: 0, failed: 0, meanBatchSize: 1, meanBatchMs: 1 };
  const resources = { time: 0, cpuCores: 2, cpuUse: 0.1, memoryBytes: 24e9, memoryFreeBytes: 20e9 };
  heartbeat({ kind: 'worker', instance: 'w1', time: 0, variants: [{ model: 'small', precision: 'int8', ...load }], resources });
  expect((await decided).map(({ topic }) => topic)).toEqual(['t.work.small.int8']);
});

test('it waits no longer than its deadline', async () => {
  const { handle, clock } = await harness({ earlier: false });
  const decided = handle('tasks', { ...coarseThenFine(), deadlineAt: clock.now() + 600 });
  await Promise.resolve();
  clock.advance(1_000);
  expect((await decided).map(({ topic, value }) => [topic, (JSON.parse(value as string) as Outcome).kind])).toEqual([['t.outcomes', 'expired']]);
});

test('a stop hands it back', async () => {
  const { handle, drain } = await harness({ earlier: false });
  const decided = handle('tasks', coarseThenFine());
  await Promise.resolve();
  await drain();
  await expect(decided).rejects.toMatchObject({ code: 'stage_stopping', retryable: true });
});

test('what was dispatched and refused is reported while it changes, and taken back in the end', async () => {
  const { handle, published, clock, stop } = await harness({ instance: 'i' });
  const reports = () => published.map(({ topic, key, value }) => ({ topic, key, value: value === null ? null : (JSON.parse(value as string) as unknown) }));
  const zero = { kind: 'scheduler', instance: 'i', dispatched: 0, refused: 0, bulk: 0, waiting: 0 };
  expect(reports()).toMatchObject([{ topic: 't.telemetry', key: 'scheduler/i', value: zero }]);
  await handle('tasks', coarseThenFine());
  await handle('tasks', task([step('coarse', 'small')], { lane: 'bulk' }));
  await handle('tasks', task([step('coarse', 'small')], { deadlineAt: 9_999 }));
  for (let half = 0; half < 4; half += 1) {
    clock.advance(500);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(reports().slice(1)).toMatchObject([{ value: { ...zero, dispatched: 1, refused: 1, bulk: 1 } }]);
  await stop();
  expect(reports().at(-1)).toEqual({ topic: 't.telemetry', key: 'scheduler/i', value: null });
});

/** Requests of a workload, each lost at the workers, until a share of them is refused at once. */
async function overloaded({ clock, handle }: Awaited<ReturnType<typeof harness>>, workload: string) {
  for (let count = 0; count < 1_500; count += 1) {
    const lost = task([step('fine', 'large')], { requestId: `${workload}-${count}`, workload, arrivedAt: clock.now(), deadlineAt: clock.now() + 50 });
    const [output] = await handle('tasks', lost);
    clock.advance(1);
    if (output!.topic.startsWith('t.work.')) await handle('outcomes', { kind: 'expired', requestId: lost.requestId, step: 'fine', task: lost, previous: {} });
  }
}

test('while too many of those that are let in are lost, requests of that workload are refused at once; bulk, what has no deadline, what has begun and other workloads are not', async () => {
  const flow = await harness();
  await overloaded(flow, 'w');
  const fate = async (over: Partial<Task>) => {
    const outputs = await Promise.all(Array.from({ length: 50 }, () => flow.handle('tasks', task([step('fine', 'large')], { arrivedAt: flow.clock.now(), deadlineAt: flow.clock.now() + 50, ...over }))));
    return outputs.filter(([output]) => output!.topic === 't.outcomes').map(([output]) => JSON.parse(output!.value as string) as Outcome);
  };
  const refused = await fate({});
  expect(refused.length).toBeGreaterThan(25);
  expect(refused[0]).toMatchObject({ kind: 'failed', step: 'fine', code: 'overload', message: expect.stringContaining('too late') as string });
  for (const other of [{ workload: 'other' }, { lane: 'bulk' }, { deadlineAt: null }] as const) expect(await fate(other)).toEqual([]);
  const begun = { ...coarseThenFine(), arrivedAt: flow.clock.now(), deadlineAt: flow.clock.now() + 50 };
  for (let count = 0; count < 20; count += 1) {
    const [output] = await flow.handle('outcomes', { ...completed(0.5), requestId: `begun-${count}`, task: begun });
    expect(output!.topic).toBe('t.work.large.int8');
  }
});

test('work that lay somewhere while a process was away makes nobody be refused', async () => {
  const { clock, handle } = await harness();
  for (let count = 0; count < 1_500; count += 1) {
    const late = task([step('fine', 'large')], { requestId: `late-${count}`, arrivedAt: clock.now() - 5_000, deadlineAt: clock.now() - 4_950 });
    await handle('tasks', { ...late, arrivedAt: clock.now(), deadlineAt: clock.now() + 50 });
    clock.advance(1);
    await handle('outcomes', { kind: 'expired', requestId: late.requestId, step: 'fine', task: late, previous: {} });
  }
  const now = { arrivedAt: clock.now(), deadlineAt: clock.now() + 50 };
  const outputs = await Promise.all(Array.from({ length: 50 }, () => handle('tasks', task([step('fine', 'large')], now))));
  expect(outputs.every(([output]) => output!.topic.startsWith('t.work.'))).toBe(true);
});
