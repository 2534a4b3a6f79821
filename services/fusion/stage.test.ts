import { expect, test } from 'vitest';
import type { Outcome, Response, Task } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import type { Adapter } from '@tandem/shared/core';
import { RecordError } from '@tandem/shared/errors';
import type { LogRecord } from '@tandem/shared/log';
import type { StageOutput } from '@tandem/shared/runner';
import { createFusionStage } from './stage.ts';

/** Presents integers as they are; falls back to item 99. */
const adapter = {
  present: (result: { items: number[] }) => ({ items: result.items.map((item) => ({ itemId: String(item), score: 0 })) }),
  fallback: () => ({ items: [99], scores: [1] }),
} as unknown as Adapter;

function harness() {
  const clock = new ManualClock(1_000);
  const responses: Response[] = [];
  let offset = 0;
  const stage = createFusionStage({ prefix: 't.', adapterOf: (name) => (name === 'w' ? adapter : undefined), variants: [], clock });
  const context = {
    publish: (outputs: readonly StageOutput[]) => {
      responses.push(...outputs.map(({ value }) => JSON.parse(value as string) as Response));
      return Promise.resolve();
    },
  };
  const record = (topic: string, value: unknown, partition = 0): LogRecord => ({
    topic: `t.${topic}`, partition, offset: offset++, key: 'k', value: Buffer.from(JSON.stringify(value)), headers: {}, timestamp: clock.now(),
  });
  return {
    clock, responses, stage,
    send: async (topic: string, value: unknown) => {
      const outputs = await stage.handle(record(topic, value), context);
      responses.push(...outputs.map(({ value: response }) => JSON.parse(response as string) as Response));
    },
    handle: (topic: string, value: unknown, partition?: number) => stage.handle(record(topic, value, partition), context),
  };
}

function task(over: Partial<Task> = {}): Task {
  const step = { role: 'coarse', model: 'm', required: false } as const;
  return {
    requestId: 'r1', workload: 'w', key: 'k', lane: 'interactive', task: 'full', tier: 'standard', arrivedAt: 990, deadlineAt: 1_100,
    accuracyFloor: null, activity: 0, input: {}, source: 't.requests/0/0', marks: [],
    plan: { id: 'full', strategy: 'rerank', steps: [{ ...step, id: 'coarse', after: [] }, { ...step, id: 'fine', after: ['coarse'] }] },
    ...over,
  };
}

function completed(step: string, items: number[], over: Partial<Outcome> = {}): Outcome {
  const run = { model: 'm', precision: 'fp32', version: '1', batchSize: 1, queueMs: 0, computeMs: 1, reason: 'test' };
  return { kind: 'completed', requestId: 'r1', step, run, result: { items, scores: items.map(() => 1) }, ...over } as Outcome;
}

test('answers once when all outcomes are there, and acknowledges every part with the answer', async () => {
  const { send, handle, responses } = harness();
  const parts = [handle('tasks', task()), handle('outcomes', completed('coarse', [1, 2]))];
  await send('outcomes', completed('fine', [2, 1]));
  await Promise.all(parts);
  expect(responses).toHaveLength(1);
  expect(responses[0]).toMatchObject({ requestId: 'r1', status: 'complete', final: true, sequence: 0, latencyMs: 10 });
  expect(responses[0]!.result).toEqual({ items: [{ itemId: '2', score: 0 }, { itemId: '1', score: 0 }] });
});

test('an outcome that overtakes its task is kept by the task it carries', async () => {
  const { send, handle, responses } = harness();
  const early = handle('outcomes', completed('coarse', [1], { task: task() }));
  const second = handle('tasks', task());
  await send('outcomes', completed('fine', [1]));
  await Promise.all([early, second]);
  expect(responses).toHaveLength(1);
});

test('an outcome that carries no task waits for it, and is a dead letter when none comes', async () => {
  const { clock, handle, responses } = harness();
  const early = [handle('outcomes', completed('coarse', [1])), handle('outcomes', completed('fine', [3, 1]))];
  await Promise.all([...early, handle('tasks', task())]);
  expect(responses).toMatchObject([{ status: 'complete', result: { items: [{ itemId: '3' }, { itemId: '1' }] } }]);
  const lost = handle('outcomes', completed('coarse', [1], { requestId: 'nobody' }));
  clock.advance(60_000);
  await expect(lost).rejects.toThrow(/no task of nobody came/);
});

test('answers degraded just before the deadline and counts what comes later as late', async () => {
  const { clock, handle, send, responses } = harness();
  const parts = [handle('tasks', task()), handle('outcomes', completed('coarse', [7]))];
  clock.advance(94);
  expect(responses).toHaveLength(0);
  clock.advance(1);
  await Promise.all(parts);
  expect(responses).toMatchObject([{ status: 'degraded', reason: 'deadline', result: { items: [{ itemId: '7', score: 0 }] } }]);
  await send('outcomes', completed('fine', [7]));
  expect(responses).toHaveLength(1);
});

test('falls back when no step has answered by the deadline', async () => {
  const { clock, handle, responses } = harness();
  const part = handle('tasks', task());
  clock.advance(100);
  await part;
  expect(responses).toMatchObject([{ status: 'degraded', reason: 'deadline', result: { items: [{ itemId: '99', score: 0 }] } }]);
});

test('an unknown user’s empty plan is answered at once with the fallback, marked', async () => {
  const { send, responses } = harness();
  const plan = { id: 'coarse', strategy: 'cascade', steps: [] } as const;
  await send('tasks', task({ marks: ['unknown_user'], plan: { ...plan, steps: [] } }));
  expect(responses).toMatchObject([{ status: 'degraded', reason: 'unknown_user', result: { items: [{ itemId: '99', score: 0 }] } }]);
});

test('a redelivered task is answered once; the same id from another offset is a duplicate', async () => {
  const { send, handle, responses } = harness();
  const first = handle('tasks', task());
  const again = handle('tasks', task());
  expect(() => handle('tasks', task({ source: 't.requests/0/1' }))).toThrow(RecordError);
  await Promise.all([send('outcomes', completed('coarse', [1])), send('outcomes', completed('fine', [1])), first, again]);
  expect(responses).toHaveLength(1);
});

test('after the answer, the same offset is a redelivery and another offset a duplicate', async () => {
  const { send, handle, responses } = harness();
  const plan = { id: 'coarse', strategy: 'cascade' as const, steps: [] };
  await send('tasks', task({ plan }));
  await send('tasks', task({ plan }));
  expect(responses).toHaveLength(1);
  expect(() => handle('tasks', task({ plan, source: 't.requests/0/9' }))).toThrow(/already used by t.requests\/0\/0/);
});

test('a rejected request gets its response, once', async () => {
  const { send, responses } = harness();
  const rejected: Outcome = {
    kind: 'rejected', requestId: 'bad', workload: 'w', reason: 'invalid', code: 'invalid_request', message: 'limit: too big', arrivedAt: 1_000, source: 't.requests/0/5',
  };
  await send('outcomes', rejected);
  await send('outcomes', rejected);
  expect(responses).toMatchObject([{ requestId: 'bad', status: 'rejected', reason: 'invalid', error: { code: 'invalid_request', message: 'limit: too big' } }]);
});

test('requests of a revoked partition are let go: whoever has it now answers them', async () => {
  const { clock, stage, handle, responses } = harness();
  const part = handle('tasks', task(), 3);
  stage.onRevoked?.([{ topic: 't.tasks', partition: 3 }]);
  await part;
  clock.advance(1_000);
  expect(responses).toHaveLength(0);
});

test('an unreadable record is refused with a stable code', () => {
  const { handle } = harness();
  expect(() => handle('tasks', [1])).toThrow(RecordError);
  expect(() => handle('tasks', task({ workload: 'other' }))).toThrow(/not known to this fusion stage/);
});
