import { ManualClock } from '@tandem/shared/clock';
import { expect, onTestFinished, test } from 'vitest';
import { beats, context, heldEngine, scoreOf, work, workerFactory } from './testing.ts';

const worker = workerFactory(onTestFinished);

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A worker on whose model nothing succeeds, until the test lets it. */
async function harness() {
  const clock = new ManualClock(1_000);
  const engine = heldEngine();
  const states: string[] = [];
  const deadLetters: string[] = [];
  const stage = await worker({
    engine, clock, random: () => 0,
    observer: { breaker: (state) => states.push(state), deadLetter: (code) => deadLetters.push(code) },
  });
  const next = async (id: number, over = {}) => {
    const outcome = stage.run({ ...work(id), ...over });
    await engine.began(engine.batches.length + 1);
    return { outcome, batch: engine.batches.at(-1)! };
  };
  const fail = async (id: number) => {
    const { outcome, batch } = await next(id);
    batch.fail(new Error('wrong'));
    await turn();
    return outcome;
  };
  const heartbeat = async () => {
    beats.length = 0;
    await stage.start?.(context);
    return beats[0]!.variants[0]!;
  };
  return { clock, engine, stage, states, deadLetters, next, fail, heartbeat };
}

test('after five batches in which nothing succeeded the variant is taken out: what waits and what comes is handed back', async () => {
  const { stage, fail, next, engine, states, deadLetters, heartbeat } = await harness();
  for (let id = 0; id < 4; id += 1) expect(await fail(id)).toMatchObject({ kind: 'failed', code: 'step_failed' });
  const { outcome, batch } = await next(4);
  const ahead = await next(7);
  const waiting = stage.run({ ...work(5), tried: ['lookup.int8'] });
  await turn();
  batch.fail(new Error('wrong'));
  expect(await outcome).toMatchObject({ kind: 'failed' });
  expect(await waiting).toMatchObject({
    kind: 'redispatch', requestId: 'r5', step: 'look', code: 'variant_unavailable', model: 'lookup', precision: 'fp32', tried: ['lookup.int8', 'lookup.fp32'],
  });
  expect(await stage.run(work(6))).toMatchObject({ kind: 'redispatch', tried: ['lookup.fp32'], task: work(6).task, previous: {} });
  // What began before goes on; how it ends changes nothing any more.
  ahead.batch.end();
  expect(scoreOf(await ahead.outcome)).toBe(70);
  expect(engine.batches).toHaveLength(6);
  expect(states).toEqual(['open']);
  expect(deadLetters).toHaveLength(5);
  expect(await heartbeat()).toMatchObject({ breaker: 'open', queued: 0, running: 0, failed: 5, completed: 1 });
});

test('one batch tries it again; while it does, and when it fails, work goes elsewhere and no input is blamed', async () => {
  const { clock, stage, fail, next, states, deadLetters, heartbeat } = await harness();
  for (let id = 0; id < 5; id += 1) await fail(id);
  clock.advance(1_000);
  expect(await heartbeat()).toMatchObject({ breaker: 'half_open' });
  const { outcome, batch } = await next(6);
  expect(await stage.run(work(7))).toMatchObject({ kind: 'redispatch' });
  batch.fail(new Error('still wrong'));
  await turn();
  expect(await outcome).toMatchObject({ kind: 'redispatch', message: expect.stringContaining('still wrong') as string });
  expect(deadLetters).toHaveLength(5);
  clock.advance(1_999);
  expect(await stage.run(work(7))).toMatchObject({ kind: 'redispatch' });
  clock.advance(1);
  const second = await next(7);
  second.batch.end();
  await turn();
  expect(scoreOf(await second.outcome)).toBe(70);
  expect(states).toEqual(['open', 'open', 'closed']);
  expect(await heartbeat()).toMatchObject({ breaker: 'closed' });
});

test('a poison whose mates succeed does not count', async () => {
  const { stage, engine, states } = await harness();
  for (let round = 0; round < 6; round += 1) {
    const before = engine.batches.length;
    const outcomes = Promise.all([1, 2].map((id) => stage.run(work(id))));
    await engine.began(before + 1);
    engine.batches[before]!.fail(new Error('one of them'));
    await engine.began(before + 2);
    engine.batches[before + 1]!.fail(new Error('this one'));
    await engine.began(before + 3);
    engine.batches[before + 2]!.end();
    expect((await outcomes).map(({ kind }) => kind)).toEqual(['failed', 'completed']);
  }
  expect(states).toEqual([]);
});
