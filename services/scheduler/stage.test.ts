import { expect, test } from 'vitest';
import type { Heartbeat, Outcome, PlanStep, Task, Variant, Work } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import { thresholdPolicy, type Decision } from '@tandem/shared/core';
import type { EventLog, LogRecord, TailOptions } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { createSchedulerStage } from './stage.ts';

const variant = (model: string, precision: string): Variant => ({
  model, precision, version: '1', status: 'stable', adapter: 'recommend', graphs: {}, limits: {}, lineage: {},
  accuracy: { metric: 'ndcgAt10', value: 0.2, others: {}, data: 'test', date: '2026-01-01' },
});

async function harness() {
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
    clock, logger: silentLogger, observer: { decided: (decision) => decisions.push(decision) },
  });
  const context = { publish: () => Promise.resolve() };
  await stage.start?.(context);
  const record = (topic: string, key: string | null, value: Buffer | null): LogRecord =>
    ({ topic: `t.${topic}`, partition: 0, offset: 0, key, value, headers: {}, timestamp: clock.now() });
  return {
    clock, decisions,
    handle: async (topic: string, value: unknown) => stage.handle(record(topic, 'k', Buffer.from(JSON.stringify(value))), context),
    heartbeat: (value: unknown) => telemetry(record('telemetry', 'worker-1', Buffer.from(JSON.stringify(value)))),
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
  const outputs = await handle('tasks', task([step('a', 'small'), step('b', 'large')]));
  expect(outputs.map(({ topic }) => topic)).toEqual(['t.work.small.fp32', 't.work.large.int8']);
});

test('an expired task is not dispatched', async () => {
  const { handle } = await harness();
  const [output] = await handle('tasks', task([step('coarse', 'small')], { deadlineAt: 9_999 }));
  expect(JSON.parse(output!.value as string)).toMatchObject({ kind: 'expired', step: 'coarse' });
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
