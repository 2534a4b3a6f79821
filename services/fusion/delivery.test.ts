import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CANCELLED } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import { TandemError } from '@tandem/shared/errors';
import type { EventLog, ExclusiveWriter, ReadOptions, Tenure, TenureState } from '@tandem/shared/log';
import type { StageOutput } from '@tandem/shared/runner';
import { completed, fine, harness, passing, sharedLog, task } from './testing.ts';

const once = { delivery: 'exactly-once', transactionIntervalMs: 50 } as const;
const empty = { id: 'none', strategy: 'cascade' as const, steps: [] };
const request = (index: number) => task({ requestId: `r${index}`, source: `t.requests/0/${index}`, plan: empty });

test('whoever takes a partition over knows from the responses what has been answered', async () => {
  const clock = new ManualClock(1_000);
  const log = await sharedLog(clock);
  const first = await harness({ clock, log });
  await first.send('tasks', request(1));
  const second = await harness({ clock, log });
  await second.send('tasks', request(1));
  await second.send('tasks', request(2));
  expect((await second.written()).map(({ requestId }) => requestId)).toEqual(['r1', 'r2']);
  await expect(second.send('tasks', task({ requestId: 'r1', source: 't.requests/0/7', plan: empty }))).rejects.toThrow(/was used by an earlier request/);
});

test('at least once: an owner that was another\'s meanwhile looks again before it answers, and answers what is open', async () => {
  const clock = new ManualClock(1_000);
  const log = await sharedLog(clock);
  let tenure: Tenure = { state: 'certain' };
  const slept = await harness({ clock, log, tenureOf: () => tenure });
  await slept.lookedBack();
  const second = task({ requestId: 'r2', source: 't.requests/0/2' });
  const waiting = [slept.send('tasks', task({ requestId: 'r1' })), slept.send('tasks', second)];
  const other = await harness({ clock, log });
  await other.send('outcomes', fine([1]));
  Object.assign(tenure, { state: 'over' });
  tenure = { state: 'certain' };
  await Promise.all([slept.send('outcomes', fine([1])), slept.send('outcomes', fine([2], { task: second, requestId: 'r2' })), ...waiting]);
  expect((await slept.written()).map(({ requestId }) => requestId)).toEqual(['r1', 'r2']);
});

test('at least once: what could not be written before the tenure was over is written under the next one, unless another has', async () => {
  const clock = new ManualClock(1_000);
  const log = await sharedLog(clock);
  let tenure: { state: TenureState } = { state: 'certain' };
  const stuck = Promise.withResolvers<void>();
  const producer = await log.producer();
  const publish = async (outputs: readonly StageOutput[], under?: Tenure) => {
    if (outputs.some(({ key }) => key === 'stuck')) await stuck.promise;
    await producer.send(outputs, under);
  };
  const slept = await harness({ clock, log, publish, tenureOf: () => tenure });
  await slept.lookedBack();
  const open = (index: number) => ({ ...request(index), key: 'stuck' });
  const sent = [slept.send('tasks', open(1)), slept.send('tasks', open(2))];
  const other = await harness({ clock, log });
  await other.send('tasks', open(1));
  tenure.state = 'over';
  tenure = { state: 'certain' };
  stuck.resolve();
  await Promise.all(sent);
  expect((await other.written()).map(({ requestId }) => requestId)).toEqual(['r1', 'r2']);
});

test('what no longer fits into memory is looked up', async () => {
  const { send, written, clock } = await harness({ answeredMaxEntries: 16 });
  clock.advance(100_000);
  const old = (index: number) => ({ ...request(index), arrivedAt: clock.now() });
  const all = Array.from({ length: 40 }, (_, index) => old(index));
  for (const each of all) {
    clock.advance(10_000);
    await send('tasks', each);
  }
  for (const each of all) await send('tasks', each);
  expect(await written()).toHaveLength(40);
});

test('a sender that repeats an id much later gets no second answer, also from a new owner of the partition', async () => {
  const clock = new ManualClock(10_000_000);
  const log = await sharedLog(clock);
  const at = (index: number) => ({ ...request(index), arrivedAt: clock.now() });
  const first = await harness({ clock, log });
  await first.send('tasks', at(1));
  clock.advance(300_000);
  const second = await harness({ clock, log });
  await second.send('tasks', at(2));
  await expect(second.send('tasks', { ...at(1), source: 't.requests/0/99' })).rejects.toThrow(/was used by an earlier request/);
  expect((await second.written()).map(({ requestId }) => requestId)).toEqual(['r1', 'r2']);
});

test('exactly once: an owner that only seemed dead cannot answer any more', async () => {
  const clock = new ManualClock(1_000);
  const log = await sharedLog(clock);
  const sleeping = await harness({ clock, log, ...once });
  await passing(clock, sleeping.send('tasks', request(1)));
  const stuck = sleeping.send('tasks', request(2));
  const owner = await harness({ clock, log, ...once });
  await passing(clock, owner.send('tasks', request(2)));
  // The sleeper finds itself fenced, opens a writer again (it does not know better), and reads that all is answered.
  await passing(clock, stuck);
  await passing(clock, owner.send('tasks', request(3)));
  expect((await owner.written()).map(({ requestId }) => requestId)).toEqual(['r1', 'r2', 'r3']);
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
  return withWriter(log, async (name) => wrap(await log.exclusiveWriter(name)));
}

function withWriter(log: EventLog, exclusiveWriter: EventLog['exclusiveWriter']): EventLog {
  const { read, now, producer } = log;
  return { read: read.bind(log), now: now.bind(log), producer: producer.bind(log), exclusiveWriter } as unknown as EventLog;
}

test('exactly once: whatever becomes of the transactions and whoever owns the partition, each request is answered once', async () => {
  const failure = fc.constantFrom('none' as const, 'lost' as const, 'written' as const);
  const owner = fc.integer({ min: 0, max: 2 });
  await fc.assert(
    fc.asyncProperty(fc.array(failure, { maxLength: 30 }), fc.array(owner, { minLength: 5, maxLength: 25 }), async (failures, owners) => {
      const clock = new ManualClock(1_000);
      const log = await sharedLog(clock);
      const flaky = unreliable(log, () => failures.pop() ?? 'none');
      const stages = await Promise.all([0, 1, 2].map(() => harness({ clock, log: flaky, ...once })));
      const sent = owners.map((number, index) => stages[number]!.send('tasks', request(index)));
      for (const promise of sent) await passing(clock, promise);
      const ids = (await stages[0]!.written()).map(({ requestId }) => requestId);
      expect(ids.toSorted()).toEqual(owners.map((_, index) => `r${index}`).toSorted());
      for (const { stage } of stages) await stage.stop?.();
    }),
    { numRuns: 60 },
  );
});

/** A leader that has been suspended, and answers as if nothing had been written since then; the first reads meet it. */
function outOfDate(log: EventLog, reads: number): EventLog {
  let left = reads;
  return {
    ...withWriter(log, (name) => log.exclusiveWriter(name)),
    read: (options: ReadOptions) => {
      if (left === 0) return log.read(options);
      left -= 1;
      const past = (async function* () {
        if ((options.barrier ?? 0) > 0) throw new TandemError('test', { code: 'log_behind' });
        yield [];
      })();
      return past;
    },
  };
}

test('exactly once: a leader that is out of date hides no answer', async () => {
  const clock = new ManualClock(1_000);
  const log = await sharedLog(clock);
  const first = await harness({ clock, log, ...once });
  await passing(clock, first.send('tasks', request(1)));
  const second = await harness({ clock, log: outOfDate(log, 3), ...once });
  await passing(clock, second.send('tasks', request(1)));
  await passing(clock, second.send('tasks', request(2)));
  expect((await first.written()).map(({ requestId }) => requestId)).toEqual(['r1', 'r2']);
});

test('exactly once: responses of one interval go into one transaction', async () => {
  const clock = new ManualClock(1_000);
  const log = await sharedLog(clock);
  const sizes: number[] = [];
  const counted = withWriter(log, async (name) => {
    const writer = await log.exclusiveWriter(name);
    return { close: () => writer.close(), barrier: (place) => writer.barrier(place), write: (records) => writer.write(records).then(() => void sizes.push(records.length)) };
  });
  const { send, written } = await harness({ clock, log: counted, ...once });
  await passing(clock, send('tasks', request(0)));
  await passing(clock, Promise.all(Array.from({ length: 20 }, (_, index) => send('tasks', request(index + 1)))));
  expect(sizes).toEqual([1, 20]);
  expect(await written()).toHaveLength(21);
});

test('a response that the log will not take is replaced by one that says so, and does not hold up the others', async () => {
  for (const mode of [{}, once]) {
    const clock = new ManualClock(1_000);
    const { send, written } = await harness({ clock, ...mode });
    const huge = Array.from({ length: 200_000 }, (_, index) => index);
    const big = task({ requestId: 'big', source: 't.requests/0/1' });
    const sent = [send('tasks', request(0)), send('outcomes', fine(huge, { requestId: 'big', task: big })), send('tasks', request(2))];
    await passing(clock, Promise.all(sent));
    const byId = new Map((await written()).map((response) => [response.requestId, response]));
    expect(byId.get('big')).toMatchObject({ status: 'failed', error: { code: 'internal' } });
    expect([...byId.keys()].toSorted()).toEqual(['big', 'r0', 'r2']);
  }
});

const ordered = { isOrdered: () => true };
const asked = (index: number, over: Partial<ReturnType<typeof task>> = {}) => task({ requestId: `r${index}`, source: `t.requests/0/${index}`, ...over });

test('in order: a response waits for those of earlier requests of its key', async () => {
  const { send, handle, responses } = await harness(ordered);
  const first = handle('tasks', asked(1));
  await Promise.resolve();
  const second = handle('tasks', asked(2));
  const other = handle('tasks', asked(3, { key: 'other' }));
  await Promise.all([send('outcomes', fine([1], { requestId: 'r3', task: asked(3, { key: 'other' }) })), other]);
  const held = send('outcomes', fine([1], { requestId: 'r2', task: asked(2) }));
  expect(responses.map(({ requestId }) => requestId)).toEqual(['r3']);
  await Promise.all([send('outcomes', fine([1], { requestId: 'r1', task: asked(1) })), first, second, held]);
  expect(responses.map(({ requestId }) => requestId)).toEqual(['r3', 'r1', 'r2']);
});

test('in order: the order is that of the tasks, whatever outcome is read first', async () => {
  const { send, handle, responses } = await harness(ordered);
  await send('tasks', asked(9, { plan: empty, key: 'z' }));
  const early = handle('outcomes', fine([1], { requestId: 'r2', task: asked(2) }));
  const first = handle('tasks', asked(1));
  const second = handle('tasks', asked(2));
  expect(responses.map(({ requestId }) => requestId)).toEqual(['r9']);
  await Promise.all([send('outcomes', fine([1], { requestId: 'r1', task: asked(1) })), first, second, early]);
  expect(responses.map(({ requestId }) => requestId)).toEqual(['r9', 'r1', 'r2']);
});

test('in order: a request that is refused when its record is read again has its place there', async () => {
  const { send, handle, responses } = await harness(ordered);
  await send('tasks', asked(9, { plan: empty, key: 'z' }));
  // Answered by its steps before a fault; read again after it, it was too late to become a task.
  const first = handle('outcomes', fine([1], { requestId: 'r1', task: asked(1) }));
  const { source, arrivedAt } = asked(1);
  const again = handle('outcomes', { kind: 'rejected', requestId: 'r1', workload: 'w', reason: 'expired', code: 'expired', message: 'too late', source, arrivedAt });
  const second = handle('tasks', asked(2));
  await Promise.all([first, again, second, send('outcomes', fine([1], { requestId: 'r2', task: asked(2) }))]);
  expect(responses.map(({ requestId, status }) => `${requestId} ${status}`)).toEqual(['r9 degraded', 'r1 complete', 'r2 complete']);
});

test('in order: an answer whose task never comes is not kept for ever', async () => {
  const { clock, send, handle, responses } = await harness(ordered);
  await send('tasks', asked(9, { plan: empty, key: 'z' }));
  const patient = { requestId: 'r2', task: asked(2, { deadlineAt: null }) };
  const alone = handle('outcomes', fine([1], patient));
  clock.advance(60_000);
  await alone;
  expect(responses.at(-1)).toMatchObject({ requestId: 'r2', status: 'complete' });
});

test('in order: nothing is held back beyond its own deadline', async () => {
  const { clock, send, handle, responses } = await harness(ordered);
  const patient = handle('tasks', asked(1, { deadlineAt: 9_000 }));
  const hasty = handle('tasks', asked(2, { deadlineAt: 2_000 }));
  await send('tasks', asked(9, { plan: empty, key: 'z' }));
  const held = send('outcomes', fine([1], { requestId: 'r2', task: asked(2, { deadlineAt: 2_000 }) }));
  clock.advance(900);
  expect(responses.map(({ requestId }) => requestId)).toEqual(['r9']);
  clock.advance(100);
  await Promise.all([hasty, held]);
  expect(responses.map(({ requestId, status }) => `${requestId} ${status}`)).toEqual(['r9 degraded', 'r2 complete']);
  clock.advance(8_000);
  await patient;
  expect(responses.at(-1)).toMatchObject({ requestId: 'r1', reason: 'deadline' });
});

test('a cancelled request is answered as cancelled at once, and what its steps still bring is late', async () => {
  const { handle, send, responses } = await harness();
  const waiting = handle('tasks', asked(1));
  await send('tasks', { cancel: true, requestId: 'r1', workload: 'w', key: 'k', arrivedAt: 1_000, source: 't.requests/0/2' });
  await waiting;
  expect(responses).toMatchObject([{ requestId: 'r1', status: 'rejected', reason: CANCELLED, error: { code: CANCELLED } }]);
  await send('outcomes', fine([1], { requestId: 'r1', task: asked(1) }));
  await send('tasks', { cancel: true, requestId: 'r1', workload: 'w', key: 'k', arrivedAt: 1_000, source: 't.requests/0/3' });
  expect(responses).toHaveLength(1);
});

test('work that was dropped because its request was cancelled ends in a cancelled response', async () => {
  const { send, responses } = await harness();
  const patient = asked(1, { deadlineAt: null });
  const previous = { coarse: { kind: 'completed', run: completed('coarse', [1]), result: { items: [1], scores: [1] } } };
  await send('outcomes', { kind: 'skipped', reason: CANCELLED, requestId: 'r1', step: 'fine', task: patient, previous });
  expect(responses).toMatchObject([{ requestId: 'r1', status: 'rejected', reason: CANCELLED }]);
});

test('responses say in their headers which request they answer', async () => {
  const { send, log } = await harness();
  await send('tasks', request(4));
  for await (const [record] of log.read({ topic: 't.responses', partition: 0 })) {
    expect(record!.headers).toEqual({ 'tandem-request-id': 'r4', 'tandem-source': 't.requests/0/4' });
  }
});
