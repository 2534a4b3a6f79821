import { expect, test } from 'vitest';
import type { Outcome, StepEnds } from '@tandem/schemas';
import { RecordError } from '@tandem/shared/errors';
import type { StageOutput } from '@tandem/shared/runner';
import { completed, fine, harness, task, type HarnessOptions } from './testing.ts';

/** A stage that has looked back, so that it decides at once. */
async function started(options: HarnessOptions = {}) {
  const all = await harness(options);
  await all.lookedBack();
  return all;
}

test.each([
  ['a task', 'tasks', { requestId: 'odd', workload: 'recommend' }], ['a cancellation', 'tasks', { requestId: 'odd', cancel: true }],
  ['a task of another kind', 'tasks', { ...task(), arrivedAt: 'then' }], ['a rejection', 'outcomes', { requestId: 'odd', kind: 'rejected' }],
  ['an outcome', 'outcomes', { ...fine([1]), task: { ...task(), arrivedAt: undefined } }],
] as const)('%s that does not say when its request came is refused, and those behind it are answered', async (_, topic, odd) => {
  const { handle, send, responses } = await harness();
  expect(() => handle(topic, odd as never)).toThrow(expect.objectContaining({ code: 'invalid_record' }));
  await send('outcomes', fine([2, 1]));
  expect(responses).toMatchObject([{ requestId: 'r1', status: 'complete' }]);
});

test('answers once when all outcomes are there, and acknowledges every part with the answer', async () => {
  const { send, handle, responses } = await started();
  const parts = [handle('tasks', task()), handle('outcomes', completed('coarse', [1, 2]))];
  await send('outcomes', fine([2, 1]));
  await Promise.all(parts);
  expect(responses).toHaveLength(1);
  expect(responses[0]).toMatchObject({ requestId: 'r1', status: 'complete', final: true, sequence: 0, latencyMs: 10 });
  expect(responses[0]!.result).toEqual({ items: [{ itemId: '2', score: 0 }, { itemId: '1', score: 0 }] });
});

test('the last outcome alone is enough: it brings along the task and what came before', async () => {
  const { send, responses } = await started();
  await send('outcomes', fine([3, 1]));
  await send('tasks', task());
  expect(responses).toMatchObject([{ status: 'complete', result: { items: [{ itemId: '3' }, { itemId: '1' }] }, steps: [{ step: 'coarse' }, { step: 'fine' }] }]);
});

test('nothing is held for requests without a deadline until their last outcome, so no backlog can keep it out', async () => {
  const { handle, send, responses } = await started();
  const patient = task({ deadlineAt: null });
  for (let index = 0; index < 10; index += 1) {
    const requestId = `r${index}`;
    expect(handle('tasks', { ...patient, requestId })).toEqual([]);
    expect(handle('outcomes', completed('coarse', [1], { requestId, task: { ...patient, requestId } }))).toEqual([]);
  }
  await send('outcomes', fine([2, 1], { requestId: 'r7', task: { ...patient, requestId: 'r7' } }));
  expect(responses).toMatchObject([{ requestId: 'r7', status: 'complete' }]);
});

test('of two members of a plan without a deadline, which are run one after the other, nothing is held for the first', async () => {
  const { handle, send, responses } = await started();
  const member = (id: string) => ({ id, role: 'member' as const, model: 'm', after: [], required: false });
  const both = task({ deadlineAt: null, plan: { id: 'full', strategy: 'reciprocal-rank', steps: [member('left'), member('right')] } });
  expect(handle('outcomes', completed('left', [1, 2], { task: both }))).toEqual([]);
  const left = { kind: 'completed', run: completed('left', [1]), result: { items: [1, 2], scores: [1, 1] } };
  await send('outcomes', completed('right', [2, 1], { task: both, previous: { left } as never }));
  expect(responses).toMatchObject([{ status: 'complete', steps: [{ step: 'left' }, { step: 'right' }] }]);
});

test('two members of a plan with a deadline wait for each other', async () => {
  const { handle, responses } = await started();
  const member = (id: string) => ({ id, role: 'member' as const, model: 'm', after: [], required: false });
  const both = task({ plan: { id: 'full', strategy: 'reciprocal-rank', steps: [member('left'), member('right')] } });
  const left = handle('outcomes', completed('left', [1, 2], { task: both }));
  expect(responses).toHaveLength(0);
  await Promise.all([left, handle('outcomes', completed('right', [2, 1], { task: both }))]);
  expect(responses).toHaveLength(1);
});

test('an outcome of a repeated request id is never taken for the first one’s', async () => {
  const { handle, send, responses } = await started();
  const first = handle('tasks', task());
  await send('outcomes', fine([9], { task: task({ source: 't.requests/0/1' }) }));
  expect(responses).toHaveLength(0);
  await Promise.all([send('outcomes', fine([2, 1])), first]);
  expect(responses).toMatchObject([{ result: { items: [{ itemId: '2' }, { itemId: '1' }] } }]);
});

test('a response that cannot be written is written when its records come again', async () => {
  let away = true;
  const written: unknown[] = [];
  const publish = (outputs: readonly StageOutput[]) => (away ? Promise.reject(new Error('away')) : Promise.resolve(void written.push(...outputs)));
  const { handle } = await harness({ publish });
  await expect(handle('outcomes', fine([1]))).rejects.toThrow('away');
  away = false;
  await handle('outcomes', fine([1]));
  expect(written).toHaveLength(1);
});

test('a defect in merging is answered as failed, not left open', async () => {
  const { send, responses } = await started();
  await send('outcomes', fine([1], { result: { items: 'none' } as never }));
  expect(responses).toMatchObject([{ status: 'failed', error: { code: 'internal' } }]);
});

test('answers degraded just before the deadline and counts what comes later as late', async () => {
  const { clock, handle, send, responses } = await started();
  const parts = [handle('tasks', task()), handle('outcomes', completed('coarse', [7]))];
  clock.advance(94);
  expect(responses).toHaveLength(0);
  clock.advance(1);
  await Promise.all(parts);
  expect(responses).toMatchObject([{ status: 'degraded', reason: 'deadline', result: { items: [{ itemId: '7', score: 0 }] } }]);
  await send('outcomes', fine([7]));
  expect(responses).toHaveLength(1);
});

test('falls back when no step has answered by the deadline', async () => {
  const { clock, handle, responses } = await started();
  const part = handle('tasks', task());
  clock.advance(100);
  await part;
  expect(responses).toMatchObject([{ status: 'degraded', reason: 'deadline', result: { items: [{ itemId: '99', score: 0 }] } }]);
});

test('an unknown user’s empty plan is answered at once with the fallback, marked', async () => {
  const { send, responses } = await started();
  const plan = { id: 'coarse', strategy: 'cascade', steps: [] } as const;
  await send('tasks', task({ marks: ['unknown_user'], plan: { ...plan, steps: [] } }));
  expect(responses).toMatchObject([{ status: 'degraded', reason: 'unknown_user', result: { items: [{ itemId: '99', score: 0 }] } }]);
});

test('a redelivered task is answered once; the same id from another offset is a duplicate', async () => {
  const { send, handle, responses } = await started();
  const first = handle('tasks', task());
  const again = handle('tasks', task());
  expect(() => handle('tasks', task({ source: 't.requests/0/1' }))).toThrow(RecordError);
  await Promise.all([send('outcomes', completed('coarse', [1])), send('outcomes', fine([1])), first, again]);
  expect(responses).toHaveLength(1);
});

test('after the answer, the same offset is a redelivery and another offset a duplicate', async () => {
  const { send, handle, responses } = await started();
  const plan = { id: 'coarse', strategy: 'cascade' as const, steps: [] };
  await send('tasks', task({ plan }));
  await send('tasks', task({ plan }));
  expect(responses).toHaveLength(1);
  expect(() => handle('tasks', task({ plan, source: 't.requests/0/9' }))).toThrow(/was used by an earlier request/);
});

test('a rejected request gets its response, once', async () => {
  const { send, responses } = await started();
  const rejected: Outcome = {
    kind: 'rejected', requestId: 'bad', workload: 'w', reason: 'invalid', code: 'invalid_request', message: 'limit: too big', arrivedAt: 1_000, source: 't.requests/0/5',
  };
  await send('outcomes', rejected);
  await send('outcomes', rejected);
  expect(responses).toMatchObject([{ requestId: 'bad', status: 'rejected', reason: 'invalid', error: { code: 'invalid_request', message: 'limit: too big' } }]);
});

test('a request that was shed before anything of it ran is rejected as overload, and says why', async () => {
  const { send, handle, responses } = await started();
  const shed = (step: string, previous: StepEnds = {}): Outcome =>
    ({ kind: 'failed', requestId: 'r1', step, task: task(), previous, code: 'overload', message: 'overload: 90 ms are needed, 50 are left' });
  const part = handle('tasks', task());
  await send('outcomes', shed('coarse'));
  await Promise.all([send('outcomes', shed('fine', { coarse: { kind: 'failed', code: 'overload', message: 'overload: 90 ms are needed, 50 are left' } })), part]);
  expect(responses).toMatchObject([{ status: 'rejected', reason: 'overload', error: { code: 'overload', message: 'overload: 90 ms are needed, 50 are left' } }]);
  expect(responses[0]).not.toHaveProperty('result');
});

test('requests of a revoked partition are let go: whoever has it now answers them', async () => {
  const { clock, stage, handle, responses } = await started();
  const part = handle('tasks', task(), 3);
  stage.onRevoked?.([{ topic: 't.tasks', partition: 3 }]);
  await part;
  clock.advance(1_000);
  expect(responses).toHaveLength(0);
});

test('a stage that drains hands back what waits, instead of waiting for parts that no longer come', async () => {
  const { clock, stage, handle, responses } = await started();
  const part = handle('tasks', task());
  const handedBack = expect(part).rejects.toMatchObject({ code: 'stage_stopping', retryable: true });
  await stage.drain?.();
  await handedBack;
  clock.advance(1_000);
  expect(responses).toHaveLength(0);
});

test('an unreadable record is refused with a stable code', async () => {
  const { handle } = await started();
  expect(() => handle('tasks', [1])).toThrow(RecordError);
});

test('a request of a workload that is not known here is answered all the same', async () => {
  const { send, responses } = await started();
  const other = task({ workload: 'other', deadlineAt: null });
  await send('outcomes', fine([1], { task: other }));
  expect(responses).toMatchObject([{ status: 'failed', error: { code: 'unknown_workload', message: expect.stringContaining('not known to this fusion stage') as string } }]);
});

test('what is computed ahead of a request is answered to nobody, whatever comes of it', async () => {
  const { clock, handle, responses } = await started();
  const ahead = task({ ahead: true, lane: 'bulk' });
  expect(handle('tasks', ahead)).toEqual([]);
  expect(handle('outcomes', completed('coarse', [1], { task: ahead }))).toEqual([]);
  expect(handle('outcomes', fine([1], { task: ahead }))).toEqual([]);
  expect(handle('outcomes', { kind: 'failed', requestId: 'r1', step: 'coarse', task: ahead, previous: {}, code: 'step_failed', message: 'poison' })).toEqual([]);
  clock.advance(10_000);
  expect(responses).toEqual([]);
});
