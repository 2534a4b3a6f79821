import { CANCELLED, type Cancellation, type Outcome } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { beats, context, heldEngine, record, scoreOf, work, workerFactory } from './testing.ts';

const worker = workerFactory(onTestFinished);

const taken = { kind: 'skipped', reason: CANCELLED };
const cancel = (requestId: string): Cancellation => ({ cancel: true, requestId, workload: 'w', key: 'k', arrivedAt: 0, source: 't.requests/0/0' });

test('what waits ends as cancelled; what runs ends as it would', async () => {
  const engine = heldEngine();
  const stage = await worker({ engine, limits: { maxBatchSize: 1 } });
  const running = stage.run(work(1));
  await engine.began(1);
  const ahead = stage.run(work(2));
  await engine.began(2);
  const waiting = stage.run(work(3));
  const other = stage.run(work(4));
  for (const id of [1, 3]) expect(await stage.handle(record(cancel(`r${id}`)), context)).toEqual([]);
  expect(await waiting).toMatchObject(taken);
  for (const batch of [0, 1, 2]) {
    await engine.began(batch + 1);
    engine.batches[batch]!.end();
  }
  expect((await Promise.all([running, ahead, other])).map(scoreOf)).toEqual([10, 20, 40]);
  expect(engine.batches.flatMap(({ ids }) => ids)).toEqual([1, 2, 4]);
});

test('a cancellation that comes first is remembered, for ten minutes', async () => {
  const clock = new ManualClock(1_000);
  const engine = heldEngine();
  const stage = await worker({ engine, clock });
  await stage.handle(record(cancel('r1')), context);
  expect(await stage.run(work(1))).toMatchObject(taken);
  clock.advance(600_000);
  const outcome = stage.run(work(1));
  await engine.began(1);
  engine.batches[0]!.end();
  expect(scoreOf(await outcome)).toBe(10);
});

test('whatever is cancelled when, each piece of work ends once and the counts come back to nothing', async () => {
  const steps = fc.array(fc.oneof(fc.record({ work: fc.nat(7), bulk: fc.boolean() }), fc.record({ cancel: fc.nat(7) }), fc.constant('end')), { maxLength: 40 });
  await fc.assert(fc.asyncProperty(steps, async (all) => {
    const engine = heldEngine();
    const stage = await worker({ engine, limits: { maxBatchSize: 2, maxBulkBatchSize: 2 } });
    const ended: Promise<readonly unknown[]>[] = [];
    let done = 0;
    for (const one of all) {
      if (one === 'end') engine.batches[done]?.end();
      if (one === 'end') done = Math.min(engine.batches.length, done + 1);
      else if ('cancel' in one) await stage.handle(record(cancel(`r${one.cancel}`)), context);
      else ended.push(Promise.resolve(stage.handle(record(work(one.work), one.bulk ? 't.bulk.lookup.fp32' : 't.work.lookup.fp32'), context)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const idle = stage.drain?.().then(() => true);
    while (!(await Promise.race([idle, new Promise((resolve) => setImmediate(resolve, false))]))) {
      for (; done < engine.batches.length; done += 1) engine.batches[done]!.end();
    }
    const outcomes = (await Promise.all(ended)).flatMap((outputs) => outputs.map((output) => JSON.parse((output as { value: string }).value) as Outcome));
    const completed = outcomes.filter(({ kind }) => kind === 'completed');
    expect(outcomes).toHaveLength(ended.length);
    expect(completed).toHaveLength(engine.batches.flatMap(({ ids }) => ids).length);
    beats.length = 0;
    await stage.start?.(context);
    expect(beats[0]!.variants[0]).toMatchObject({ queued: 0, running: 0, bulkBacklog: 0, completed: completed.length });
    await stage.stop?.();
  }), { numRuns: 40 });
}, 60_000);
