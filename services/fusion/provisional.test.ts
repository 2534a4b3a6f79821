import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HEADER, writeReplyAddress, type Outcome, type Response, type Task } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import { TandemError } from '@tandem/shared/errors';
import type { EventLog, ExclusiveWriter } from '@tandem/shared/log';
import type { StageOutput } from '@tandem/shared/runner';
import { completed, fine, harness, passing, sharedLog, task, type HarnessOptions } from './testing.ts';

const once = { delivery: 'exactly-once', transactionIntervalMs: 50 } as const;
const wanted = (over: Partial<Task> = {}) => task({ provisional: true, ...over });
const coarse = (items: number[], of = wanted()) => completed('coarse', items, { requestId: of.requestId, task: of });
const last = (items: number[], of = wanted()) => fine(items, { requestId: of.requestId, task: of });
const progress = (items: number[], part: number, of: Task): Outcome =>
  ({ ...completed('coarse', items, { requestId: of.requestId, task: of }), kind: 'progress', part } as unknown as Outcome);

const kinds = (responses: readonly Response[]) => responses.map(({ requestId, final, status, sequence }) => [requestId, final, status, sequence]);

async function started(options: HarnessOptions = {}) {
  const all = await harness(options);
  await all.lookedBack();
  return all;
}

test('the small model’s answer goes out when it comes, marked, and the final one after it', async () => {
  const { handle, send, responses, log } = await started();
  const part = handle('tasks', wanted());
  await send('outcomes', coarse([1, 2]));
  expect(kinds(responses)).toEqual([['r1', false, 'provisional', 0]]);
  expect(responses[0]).toMatchObject({ result: { items: [{ itemId: '1' }, { itemId: '2' }] }, steps: [{ step: 'coarse' }] });
  await send('outcomes', last([2, 1]));
  await part;
  expect(kinds(responses)).toEqual([['r1', false, 'provisional', 0], ['r1', true, 'complete', 1]]);
  const marks: (string | undefined)[] = [];
  for await (const batch of log.read({ topic: 't.responses', partition: 0 })) marks.push(...batch.map(({ headers }) => headers[HEADER.provisional]));
  expect(marks.slice(-2)).toEqual(['true', undefined]);
});

test('nobody who did not ask gets one', async () => {
  const { handle, send, responses } = await started();
  const part = handle('tasks', task());
  await send('outcomes', completed('coarse', [1]));
  await send('outcomes', progress([1], 0, task()));
  expect(responses).toEqual([]);
  await send('outcomes', fine([1]));
  await part;
  expect(kinds(responses)).toEqual([['r1', true, 'complete', 0]]);
});

test('without a deadline too, and still nothing is held', async () => {
  const { send, responses } = await started();
  const patient = wanted({ deadlineAt: null });
  await send('outcomes', coarse([1], patient));
  await send('outcomes', last([1], patient));
  expect(kinds(responses)).toEqual([['r1', false, 'provisional', 0], ['r1', true, 'complete', 1]]);
});

test('the first of two parallel members gives one', async () => {
  const { handle, responses } = await started();
  const member = (id: string) => ({ id, role: 'member' as const, model: 'm', after: [], required: false });
  const both = wanted({ plan: { id: 'full', strategy: 'reciprocal-rank', steps: [member('left'), member('right')] } });
  const parts = [handle('outcomes', completed('left', [1, 2], { task: both })), handle('outcomes', completed('right', [2, 1], { task: both }))];
  await Promise.all(parts);
  expect(kinds(responses)).toEqual([['r1', false, 'provisional', 0], ['r1', true, 'complete', 1]]);
});

test('no step has a result yet, or a required one is missing: no provisional answer', async () => {
  const { send, responses, handle } = await started();
  const [first, second] = task().plan.steps;
  const strict = wanted({ plan: { ...task().plan, steps: [first!, { ...second!, required: true }] } });
  void handle('tasks', strict);
  await send('outcomes', coarse([1], strict));
  await send('outcomes', { kind: 'failed', requestId: 'r2', step: 'coarse', task: wanted({ requestId: 'r2' }), previous: {}, code: 'step_failed', message: 'no' });
  expect(responses).toEqual([]);
});

test('what a step has so far goes out as it grows, and the final answer is numbered after it', async () => {
  const { send, handle, responses } = await started();
  const decoding = wanted({ plan: { id: 'fine', strategy: 'cascade', steps: [task().plan.steps[0]!] } });
  const part = handle('tasks', decoding);
  await send('outcomes', progress([7], 0, decoding));
  await send('outcomes', progress([7, 8], 1, decoding));
  await send('outcomes', completed('coarse', [7, 8, 9], { task: decoding, parts: 2 }));
  await part;
  await send('outcomes', progress([7], 2, decoding));
  expect(kinds(responses)).toEqual([['r1', false, 'provisional', 0], ['r1', false, 'provisional', 1], ['r1', true, 'complete', 2]]);
});

test('a redelivered outcome repeats it before the answer, and never after', async () => {
  const { handle, send, responses } = await started();
  const part = handle('tasks', wanted());
  await send('outcomes', coarse([1]));
  await send('outcomes', coarse([1]));
  await send('outcomes', last([1]));
  await part;
  await send('outcomes', coarse([1]));
  expect(kinds(responses).map(([, final]) => final)).toEqual([false, false, true]);
});

test('an answer at the deadline comes after it, with a higher number', async () => {
  const { clock, handle, send, responses } = await started();
  const part = handle('tasks', wanted());
  await send('outcomes', coarse([1]));
  clock.advance(100);
  await part;
  expect(kinds(responses)).toEqual([['r1', false, 'provisional', 0], ['r1', true, 'degraded', 1]]);
});

test('an order among the answers of a key does not hold it back', async () => {
  const { handle, send, responses } = await started({ isOrdered: () => true });
  const [first, second] = [wanted(), wanted({ requestId: 'r2', source: 't.requests/0/1' })];
  const parts = [handle('tasks', first), handle('tasks', second)];
  await send('outcomes', coarse([1], second));
  void handle('outcomes', last([1], second));
  expect(kinds(responses)).toEqual([['r2', false, 'provisional', 0]]);
  await send('outcomes', last([1], first));
  await Promise.all(parts);
  expect(responses.map(({ requestId }) => requestId)).toEqual(['r2', 'r1', 'r2']);
});

test('what becomes of writing it does not matter to the final answer, which is handed over after it and waits for nothing', async () => {
  const handed: boolean[] = [];
  const publish = (outputs: readonly StageOutput[]) => {
    const { final } = JSON.parse(outputs[0]!.value as string) as Response;
    handed.push(final);
    return final ? Promise.resolve() : Promise.reject(new Error('away'));
  };
  const { handle } = await started({ publish });
  handed.length = 0;
  await Promise.all([handle('tasks', wanted()), handle('outcomes', coarse([1])), handle('outcomes', last([1]))]);
  expect(handed).toEqual([false, true]);
});

test('its outcome is acknowledged when it is durable', async () => {
  const durable = Promise.withResolvers<void>();
  const { handle } = await started({ publish: (outputs) => ((JSON.parse(outputs[0]!.value as string) as Response).final ? Promise.resolve() : durable.promise) });
  let acknowledged = false;
  const part = Promise.resolve(handle('outcomes', coarse([1]))).then(() => (acknowledged = true));
  await nextTurn();
  expect(acknowledged).toBe(false);
  durable.resolve();
  await part;
});

test('whoever takes the partition over gives the final answer: a provisional one answers nothing', async () => {
  const clock = new ManualClock(1_000);
  const log = await sharedLog(clock);
  const first = await harness({ clock, log });
  await first.send('outcomes', coarse([1]));
  const second = await harness({ clock, log });
  await second.send('outcomes', last([1]));
  await second.send('outcomes', coarse([1]));
  expect((await second.written()).map(({ final }) => final)).toEqual([false, true]);
});

test('a defect in presenting it costs the provisional answer only', async () => {
  const { handle, responses } = await started();
  const parts = [handle('tasks', wanted()), handle('outcomes', completed('coarse', [1], { task: wanted(), result: { items: 'none' } as never }))];
  await Promise.all([...parts.slice(1), handle('outcomes', completed('fine', [1], { task: wanted() }))]);
  expect(responses.every(({ final }) => final)).toBe(true);
});

test('a gateway that waits gets its copy at once, and that of the final answer after it', async () => {
  const outputs: StageOutput[] = [];
  const durable = Promise.withResolvers<void>();
  const { stage, record, lookedBack } = await harness({
    publish: async (all) => {
      outputs.push(...all);
      if (all[0]!.headers?.[HEADER.provisional] !== undefined) await durable.promise;
    },
  });
  await lookedBack();
  outputs.length = 0;
  const headers = { [HEADER.replyTo]: writeReplyAddress({ partition: 5, instance: 'gateway-1' }) };
  const handle = (topic: string, value: unknown) => stage.handle({ ...record(topic, value), headers }, { publish: async () => undefined });
  const parts = [handle('tasks', wanted()), handle('outcomes', coarse([1]))];
  const replies = () => outputs.filter(({ topic }) => topic === 't.replies').map(({ headers: sent }) => sent?.[HEADER.provisional]);
  expect(replies()).toEqual(['true']);
  parts.push(handle('outcomes', last([1])));
  durable.resolve();
  await Promise.all(parts);
  expect(replies()).toEqual(['true', undefined]);
});

describe('exactly once', () => {
  test('it goes into a transaction of its own, or is left out where the final answer is ready by then', async () => {
    const clock = new ManualClock(1_000);
    const log = await sharedLog(clock);
    const { handle, send, written } = await harness({ clock, log, ...once });
    const slow = wanted({ deadlineAt: null });
    await passing(clock, send('outcomes', coarse([1], slow)));
    await passing(clock, send('outcomes', last([1], slow)));
    const quick = wanted({ requestId: 'r2', source: 't.requests/0/1', deadlineAt: null });
    const parts = [handle('outcomes', coarse([1], quick)), handle('outcomes', last([1], quick))];
    await passing(clock, Promise.all(parts));
    expect((await written()).map(({ requestId, final }) => [requestId, final])).toEqual([['r1', false], ['r1', true], ['r2', true]]);
  });

  test('an owner that only seemed dead cannot write one after the final answer', async () => {
    const clock = new ManualClock(1_000);
    const log = await sharedLog(clock);
    const sleeping = await harness({ clock, log, ...once });
    await passing(clock, sleeping.send('outcomes', last([1], wanted({ requestId: 'r0', deadlineAt: null }))));
    const patient = wanted({ deadlineAt: null });
    const stuck = sleeping.send('outcomes', coarse([1], patient));
    const owner = await harness({ clock, log, ...once });
    await passing(clock, owner.send('outcomes', last([1], patient)));
    await passing(clock, stuck);
    expect((await owner.written()).map(({ requestId, final }) => [requestId, final])).toEqual([['r0', true], ['r1', true]]);
  });

  test('whatever becomes of the transactions and whoever owns the partition: one final answer each, and nothing provisional behind it', async () => {
    const failure = fc.constantFrom('none' as const, 'lost' as const, 'written' as const);
    await fc.assert(
      fc.asyncProperty(fc.array(failure, { maxLength: 20 }), fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 3, maxLength: 12 }), async (failures, owners) => {
        const clock = new ManualClock(1_000);
        const log = await sharedLog(clock);
        const stages = await Promise.all([0, 1, 2].map(() => harness({ clock, log: unreliable(log, () => failures.pop() ?? 'none'), ...once })));
        const of = (index: number) => wanted({ requestId: `r${index}`, source: `t.requests/0/${index}`, deadlineAt: null });
        const sent = owners.flatMap((number, index) => [stages[number]!.send('outcomes', coarse([1], of(index))), stages[(number + index) % 3]!.send('outcomes', last([1], of(index)))]);
        await passing(clock, Promise.all(sent));
        const finals = new Set<string>();
        for (const { requestId, final } of await stages[0]!.written()) {
          expect(finals).not.toContain(requestId);
          if (final) finals.add(requestId);
        }
        expect(finals.size).toBe(owners.length);
        for (const { stage } of stages) await stage.stop?.();
      }),
      { numRuns: 40 },
    );
  });
});

/** Writes that fail in every way: not at all, for certain, and after all. */
function unreliable(log: EventLog, failures: () => 'none' | 'lost' | 'written'): EventLog {
  const uncertain = () => new TandemError('test', { code: 'write_uncertain', retryable: true });
  const wrap = (writer: ExclusiveWriter): ExclusiveWriter => ({
    close: () => writer.close(),
    barrier: (place) => writer.barrier(place),
    async write(records) {
      const failure = failures();
      if (failure === 'lost') throw uncertain();
      await writer.write(records);
      if (failure === 'written') throw uncertain();
    },
  });
  const exclusiveWriter = async (name: string) => wrap(await log.exclusiveWriter(name));
  return { read: log.read.bind(log), now: log.now.bind(log), producer: log.producer.bind(log), exclusiveWriter } as unknown as EventLog;
}
