import { HEADER, topicName, type Outcome, type Task, type Work } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import { LENGTH_BUCKETS } from '@tandem/shared/core';
import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { beats, context, heldEngine, record, scoreOf, work, workerFactory, workerOptions } from './testing.ts';

const worker = workerFactory(onTestFinished);

const anyRequest = fc.record({
  bulk: fc.boolean(),
  tier: fc.constantFrom('vip', 'standard', 'unheard-of'),
  tenant: fc.constantFrom(undefined, 'acme', 'globex', '__proto__'),
  deadlineMs: fc.option(fc.integer({ min: 1, max: 60 })),
});
const anyStep = fc.oneof(anyRequest, fc.record({ end: fc.nat() }), fc.record({ waitMs: fc.integer({ min: 1, max: 20 }) }));

test('whatever comes when, for whom and in which batch, each request is answered once, with the result of its own input', async () => {
  await fc.assert(fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 80 }), fc.integer({ min: 0, max: 2 }), async (steps, background) => {
    const clock = new ManualClock(1_000);
    const engine = heldEngine(2, background);
    const stage = await worker({ engine, clock, limits: { maxBatchSize: 4, maxBulkBatchSize: 8, fairnessWindowMs: 3, tierTimeouts: { standard: { ms: 25, action: 'delay' }, vip: { ms: 40, action: 'reject' } } } });
    const answers: Promise<Outcome>[] = [];
    const running = new Set<number>();
    const endOne = (which: number) => {
      for (let batch = 0; batch < engine.batches.length; batch += 1) if (!ended.has(batch)) running.add(batch);
      const chosen = [...running][which % Math.max(1, running.size)];
      if (chosen === undefined) return;
      running.delete(chosen);
      ended.add(chosen);
      engine.batches[chosen]!.end();
    };
    const ended = new Set<number>();
    for (const [index, step] of steps.entries()) {
      if ('end' in step) endOne(step.end);
      else if ('waitMs' in step) clock.advance(step.waitMs);
      else answers.push(send(stage, clock, index, step));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const settled = Promise.all(answers);
    let done = false;
    void settled.then(() => (done = true));
    while (!done) {
      endOne(0);
      clock.advance(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const outcome of await settled) {
      const input = (outcome as { task: Task }).task.input as number;
      expect(outcome).toMatchObject({ requestId: `r${input}` });
      if (outcome.kind === 'completed') expect(scoreOf(outcome)).toBe(10 * input);
      else expect(outcome.kind).toBe('expired');
    }
    const ran = engine.batches.flatMap(({ ids }) => ids);
    expect(new Set(ran).size).toBe(ran.length);
    await stage.stop?.();
  }), { numRuns: 25 });
}, 60_000);

async function send(stage: Awaited<ReturnType<typeof worker>>, clock: ManualClock, input: number, { bulk, tier, tenant, deadlineMs }: typeof anyRequest extends fc.Arbitrary<infer R> ? R : never): Promise<Outcome> {
  const deadlineAt = deadlineMs === null ? null : clock.now() + deadlineMs;
  const sent = record(work(input, { tier, deadlineAt, lane: bulk ? 'bulk' : 'interactive' }), `t.${bulk ? 'bulk' : 'work'}.lookup.fp32`);
  const outputs = await stage.handle({ ...sent, headers: tenant === undefined ? {} : { [HEADER.tenant]: tenant } }, context);
  expect(outputs).toHaveLength(1);
  expect(outputs[0]!.topic).toBe(topicName('t.', 'outcomes'));
  return JSON.parse(String(outputs[0]!.value)) as Outcome;
}

test('bulk that has sessions of its own takes no other, however much of it there is, and counts as nobody’s to wait for', async () => {
  const engine = heldEngine(1, 1);
  const stage = await worker({ engine, limits: { maxBatchSize: 2, maxBulkBatchSize: 4 } });
  const bulk = Array.from({ length: 12 }, (_, id) => stage.run(work(id, { lane: 'bulk' }), 't.bulk.lookup.fp32'));
  await engine.began(2);
  const interactive = [20, 21, 22].map((id) => stage.run(work(id)));
  await engine.began(4);
  await new Promise((resolve) => setImmediate(resolve));
  // Of each kind one that runs and one that has been formed ahead.
  expect(engine.batches.map(({ background, ids }) => [background, ids])).toEqual([[true, [0, 1, 2, 3]], [true, [4, 5, 6, 7]], [false, [20, 21]], [false, [22]]]);
  beats.length = 0;
  await stage.start?.(context);
  await vi.waitFor(() => expect(beats.at(-1)?.variants?.[0]).toMatchObject({ running: 3, bulkRunning: 8, queued: 4, bulkQueued: 4 }), { timeout: 10_000 });
  for (let batch = 0; batch < 5; batch += 1) {
    await engine.began(batch + 1);
    engine.batches[batch]!.end();
  }
  expect((await Promise.all([...bulk, ...interactive])).map(scoreOf)).toEqual([...Array.from({ length: 12 }, (_, id) => 10 * id), 200, 210, 220]);
  expect(engine.batches[4]).toMatchObject({ background: true, ids: [8, 9, 10, 11] });
});

test('what expires while every session is busy is answered then, not when one is free', async () => {
  const clock = new ManualClock(1_000);
  const engine = heldEngine();
  const stage = await worker({ engine, clock, limits: { maxBatchSize: 1 } });
  const running = stage.run(work(1));
  await engine.began(1);
  const ahead = stage.run(work(2));
  await engine.began(2);
  const late = stage.run(work(3, { deadlineAt: 1_030 }));
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(30);
  expect((await late).kind).toBe('expired');
  engine.batches[0]!.end();
  engine.batches[1]!.end();
  expect((await Promise.all([running, ahead])).map(scoreOf)).toEqual([10, 20]);
});

test('a full queue leaves more in the log, or rejects it, as it is told', async () => {
  const engine = heldEngine();
  const waits = await worker({ limits: { maxQueueSize: 40 } });
  expect(waits.inputs.map(({ maxInFlight }) => maxInFlight)).toEqual([40]);
  const rejects = await worker({ engine, limits: { maxQueueSize: 2, maxBatchSize: 1, whenFull: 'reject' } });
  expect(rejects.inputs.map(({ maxInFlight }) => maxInFlight)).toEqual([4]);
  const first = rejects.run(work(1));
  await engine.began(1);
  const second = rejects.run(work(2));
  await engine.began(2);
  const others = [3, 4, 5].map((id) => rejects.run(work(id)));
  expect((await others[2]!).kind).toBe('expired');
  for (let batch = 0; batch < 4; batch += 1) {
    await engine.began(batch + 1);
    engine.batches[batch]!.end();
  }
  expect((await Promise.all([first, second, ...others.slice(0, 2)])).map(scoreOf)).toEqual([10, 20, 30, 40]);
});

test('a tier without a weight above nothing is refused, naming it', async () => {
  await expect(worker({ limits: { tierWeights: { vip: 0 } } })).rejects.toThrow(/tierWeights: vip is 0; it must be more than 0/);
});

test('requests of different length buckets never share a batch, those of one do', async () => {
  const engine = heldEngine();
  const options = workerOptions(engine);
  const lookup = options.adapters.get('lookup')!;
  const byLength = new Map([['lookup', { ...lookup, shape: ({ task }: Work) => ({ graph: 'lookup', length: task.input as number }) }]]);
  const stage = await worker({ engine, adapters: byLength, limits: { maxBatchSize: 32 } });
  const lengths = [9, 17, 64, 16, 33, 128, 32, 97, 65, 10, 96, 20, 40];
  const first = [stage.run(work(5)), stage.run(work(6))];
  await engine.began(1);
  const answers = lengths.map((length) => stage.run(work(length)));
  let ended = 0;
  const all = Promise.all([...first, ...answers]).then((outcomes) => outcomes.map(scoreOf));
  let done = false;
  void all.then(() => (done = true));
  while (!done) {
    if (ended < engine.batches.length) engine.batches[ended++]!.end();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await all).toEqual([5, 6, ...lengths].map((length) => 10 * length));
  const buckets = engine.batches.map(({ ids }) => new Set(ids.map((id) => LENGTH_BUCKETS.find((bound) => id <= bound))));
  expect(buckets.every(({ size }) => size === 1)).toBe(true);
  expect(engine.batches.map(({ ids }) => ids.toSorted((a, b) => a - b))).toEqual(expect.arrayContaining([[9, 10, 16], [17, 20, 32], [33, 40, 64], [65, 96], [97, 128]]));
});
