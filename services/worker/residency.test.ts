import { expect, onTestFinished, test } from 'vitest';
import type { Outcome, Variant, Work } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import { createOnnxEngine, type InferenceEngine } from '@tandem/shared/engine';
import { TandemError } from '@tandem/shared/errors';
import { seededRandom } from '@tandem/shared/random';
import type { WorkerStageOptions } from './options.ts';
import { beats, context, FIXTURES, lookup, record, scoreOf, work, workerFactory } from './testing.ts';

const worker = workerFactory(onTestFinished);
const variant = (model: string, precision = 'fp32'): Variant => ({ ...lookup, model, precision });
const bytes = Object.values(lookup.graphs).reduce((sum, graph) => sum + graph.bytes, 0);

/** The engine of the product; what is in its memory is counted. */
function countingEngine() {
  const real = createOnnxEngine({ modelsDirectory: FIXTURES, threads: 1 });
  const there = new Set<string>();
  const most = { at: 0 };
  let failing = false;
  const engine: InferenceEngine = {
    concurrency: 1, close: () => real.close(), [Symbol.asyncDispose]: () => real.close(),
    async load(one, options) {
      if (failing) throw new TandemError('the file is gone', { code: 'model_missing' });
      const name = `${one.model}.${one.precision}`;
      there.add(name);
      most.at = Math.max(most.at, there.size);
      const loaded = await real.load(one, options);
      return {
        variant: one, provider: loaded.provider, memoryBytes: loaded.memoryBytes, prepare: (...call) => loaded.prepare(...call),
        async unload() {
          await loaded.unload();
          there.delete(name);
        },
      };
    },
  };
  return { engine, there, most, fail: () => (failing = true) };
}

async function harness(variants: readonly Variant[], over: Partial<WorkerStageOptions> = {}) {
  const counted = countingEngine();
  const loads: string[] = [];
  const observer = { loaded: (name: string, reason: string) => loads.push(`${name} ${reason}`), unloaded: (name: string, reason: string) => loads.push(`${name} away: ${reason}`) };
  const stage = await worker({ engine: counted.engine, variants, observer, ...over });
  const ask = async (model: string, id: number, precision = 'fp32'): Promise<Outcome> => {
    const asked: Work = { ...work(id), model, precision };
    const [output] = await stage.handle(record(asked, `t.work.${model}.${precision}`), context);
    return JSON.parse(output!.value as string) as Outcome;
  };
  return { ...counted, stage, ask, loads };
}

test('more variants than memory: all are served, the least recently used one gives way, and the bound holds', async () => {
  const { ask, loads, most, there } = await harness([variant('a'), variant('b'), variant('c')], { overcommit: true, memoryBudgetBytes: 2 * bytes });
  expect([...there].toSorted()).toEqual(['a.fp32', 'b.fp32']);
  expect(scoreOf(await ask('a', 1))).toBe(10);
  expect(scoreOf(await ask('c', 2))).toBe(20);
  expect(loads).toEqual(['b.fp32 away: room', 'c.fp32 asked']);
  expect(scoreOf(await ask('b', 3))).toBe(30);
  expect(loads.slice(2)).toEqual(['a.fp32 away: room', 'b.fp32 asked']);
  expect(most.at).toBe(2);
});

test('whatever comes in whatever order, each is answered right, and memory stays within its bound', async () => {
  const models = ['a', 'b', 'c', 'd'];
  const { ask, most } = await harness(models.map((model) => variant(model)), { overcommit: true, memoryBudgetBytes: 2 * bytes });
  const random = seededRandom(5, 'residency');
  const asked = Array.from({ length: 300 }, () => ({ model: models[Math.floor(random() * models.length)]!, id: Math.floor(random() * 7) }));
  const answers = await Promise.all(asked.map(({ model, id }) => ask(model, id)));
  expect(answers.map(scoreOf)).toEqual(asked.map(({ id }) => 10 * id));
  expect(most.at).toBe(2);
});

test('without it, what does not fit is refused as before', async () => {
  const { stage } = await harness([variant('a'), variant('b')], { memoryBudgetBytes: bytes });
  expect(stage.inputs.map(({ group }) => group)).toEqual(['worker.a.fp32']);
});

test('heartbeats say what is not in memory, and what loading it takes', async () => {
  const { stage } = await harness([variant('a'), variant('b')], { overcommit: true, memoryBudgetBytes: bytes });
  beats.length = 0;
  await stage.start?.(context);
  expect(beats[0]!.variants.map(({ model, unloaded }) => [model, unloaded])).toEqual([['a', undefined], ['b', { reloadMs: expect.any(Number) }]]);
  expect(beats[0]!.variants[1]!.unloaded!.reloadMs).toBeGreaterThan(0);
});

test('what nobody uses sleeps, and wakes up with the next request; the other precision of its model comes along', async () => {
  const clock = new ManualClock(1_000);
  const { stage, ask, there, loads } = await harness([variant('a'), variant('a', 'int8'), variant('b')], { clock, sleepAfterMs: 10_000 });
  await stage.start?.(context);
  clock.advance(9_000);
  await ask('b', 1);
  clock.advance(2_000);
  while (there.size > 1) await new Promise((resolve) => setImmediate(resolve));
  expect([...there]).toEqual(['b.fp32']);
  expect(scoreOf(await ask('a', 4))).toBe(40);
  while (loads.length < 4) await new Promise((resolve) => setImmediate(resolve));
  expect(loads).toEqual(['a.fp32 away: idle', 'a.int8 away: idle', 'a.fp32 asked', 'a.int8 sibling']);
});

test('what waits for a variant that cannot be loaded goes to another one', async () => {
  const { ask, fail } = await harness([variant('a'), variant('b')], { overcommit: true, memoryBudgetBytes: bytes });
  fail();
  const outcomes = await Promise.all([ask('b', 1), ask('b', 2)]);
  expect(outcomes).toMatchObject([{ kind: 'redispatch', tried: ['b.fp32'], message: expect.stringContaining('the file is gone') }, { kind: 'redispatch' }]);
});

test('what waits for a load and is taken back is answered as cancelled', async () => {
  const { stage, ask } = await harness([variant('a'), variant('b')], { overcommit: true, memoryBudgetBytes: bytes });
  const waiting = ask('b', 1);
  await stage.handle(record({ cancel: true, requestId: 'r1', workload: 'w', key: 'k' }, 't.work.b.fp32'), context);
  expect(await waiting).toMatchObject({ kind: 'skipped' });
});

test('draining waits for what waits for a load', async () => {
  const { stage, ask } = await harness([variant('a'), variant('b')], { overcommit: true, memoryBudgetBytes: bytes });
  const waiting = ask('b', 6);
  await stage.drain?.();
  expect(scoreOf(await waiting)).toBe(60);
});
