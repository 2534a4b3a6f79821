import { fileURLToPath } from 'node:url';
import type { GenerateFeatures, Outcome, PlanStep, RankedItems, Task, Work } from '@tandem/schemas';
import { userHash } from '@tandem/shared/cache';
import { builtInAdapters, type CacheFormat } from '@tandem/shared/core';
import { createOnnxEngine, type LoadedVariant, type OnnxEngine } from '@tandem/shared/engine';
import { loadRegistry } from '@tandem/shared/registry';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import type { WorkerStageOptions } from '../index.ts';
import { record, workerFactory } from '../testing.ts';
import type { DecodingOptions, DecodingUse } from './options.ts';

vi.setConfig({ testTimeout: 120_000 });

const MODELS = fileURLToPath(new URL('../../../models/', import.meta.url));
const { variants } = await loadRegistry(MODELS);
const decoder = variants.find(({ model }) => model === 'recommend-decoder')!;
const large = variants.find(({ model, precision }) => model === 'recommend-large' && precision === 'fp32')!;
const TOPIC = 't.work.recommend-decoder.fp32';
const BLOCK_BYTES = 6 * 16 * 32 * 4;
const plan: PlanStep = { id: 'decode', role: 'fine', model: 'recommend-decoder', after: [], required: false };
const factory = workerFactory(onTestFinished);

let reference: { engine: OnnxEngine; loaded: LoadedVariant };

beforeAll(async () => {
  const engine = createOnnxEngine({ modelsDirectory: MODELS, threads: 1 });
  reference = { engine, loaded: await engine.load({ ...large, graphs: { catalogue: large.graphs['catalogue']! } }) };
}, 60_000);

afterAll(() => reference.engine.close());

type Asked = Partial<GenerateFeatures> & { userId?: string; requestId?: string; task?: Partial<Task> };

let requests = 0;

function work(history: readonly number[], { userId, requestId = `r${(requests += 1)}`, task = {}, ...over }: Asked = {}): Work {
  const input: GenerateFeatures = { history: [...history], total: history.length, limit: 10, temperature: 0, topK: 20, ...over };
  return {
    step: 'decode', model: 'recommend-decoder', precision: 'fp32', reason: 'test', dispatchedAt: Date.now(), previous: {},
    task: {
      requestId, workload: 'generate', key: userId ?? requestId, ...(userId === undefined ? {} : { userId }), lane: 'interactive', task: 'fine', tier: 'standard', arrivedAt: 0,
      deadlineAt: null, accuracyFloor: null, activity: 0, input, source: 's', marks: [], plan: { id: 'fine', strategy: 'cascade', steps: [plan] }, ...task,
    },
  };
}

/** A worker over the released decoder, and what its decoding has done. */
async function worker(decoding: Partial<DecodingOptions> = {}, over: Partial<WorkerStageOptions> = {}) {
  const used: Required<DecodingUse> = { tokens: 0, promptTokens: 0, reusedTokens: 0, preemptions: 0, evictions: 0, drafted: 0, accepted: 0, bytes: 0, underWay: 0, waiting: 0 };
  const sizes: number[] = [];
  const observer: WorkerStageOptions['observer'] = {
    batch: (_variant, size) => sizes.push(size),
    decoding: (_variant, { bytes = 0, underWay = 0, waiting = 0, ...counts }) => {
      Object.assign(used, { bytes, underWay, waiting });
      for (const [name, count] of Object.entries(counts)) used[name as keyof DecodingUse] += count;
    },
  };
  const engine = over.engine ?? createOnnxEngine({ modelsDirectory: MODELS, threads: 1 });
  const stage = await factory({ variants: [decoder], adapters: builtInAdapters, engine, decoding, observer, ...over });
  const ask = async (asked: Work) => slateOf(await stage.run(asked, TOPIC));
  return { stage, ask, used, sizes };
}

function slateOf(outcome: Outcome): RankedItems {
  if (outcome.kind !== 'completed') throw new Error(JSON.stringify(outcome));
  return outcome.result as RankedItems;
}

/** Items 1 to 3883, by a small generator: the same in every run. */
function items(count: number, seed: number): number[] {
  let state = seed * 7_919 + 17;
  return Array.from({ length: count }, () => ((state = (state * 48_271) % 2_147_483_647) % 3_883) + 1);
}

/** The best item after a whole history, computed without any cache, again and again. */
async function oneAtATime(history: readonly number[], count: number): Promise<RankedItems> {
  const longest = 128 - (count - 1);
  const tokens = history.slice(-Math.min(longest, history.length));
  const older = history.slice(0, history.length - tokens.length);
  const scores: number[] = [];
  const promptLength = tokens.length;
  for (let index = 0; index < count; index += 1) {
    const invocation = await reference.loaded.prepare('catalogue', { batch: 1, length: tokens.length, excluded: Math.max(1, older.length) });
    invocation.inputs['history']!.data.set(tokens);
    invocation.inputs['exclude']!.data.set(older);
    const { outputs } = await invocation.run();
    tokens.push(outputs['items']!.data[0]!);
    scores.push(outputs['scores']!.data[0]!);
    invocation.release();
  }
  return { items: tokens.slice(promptLength), scores };
}

const MIXED = [1, 2, 5, 15, 16, 17, 31, 40, 64, 90, 119, 128].map((length, index): [number[], number] => [items(length, length), 1 + ((index * 5) % 14)]);

async function expectMixed(ask: (asked: Work) => Promise<RankedItems>): Promise<void> {
  const slates = await Promise.all(MIXED.map(([history, limit]) => ask(work(history, { limit }))));
  for (const [index, [history, limit]] of MIXED.entries()) expect(slates[index]!.items).toEqual((await oneAtATime(history, limit)).items);
}

test('slates of all lengths decoded together are what each is by itself, without a cache', async () => {
  const { ask, sizes, used } = await worker();
  await expectMixed(ask);
  expect(Math.max(...sizes)).toBeGreaterThan(4);
  expect(used).toMatchObject({ tokens: MIXED.reduce((sum, [, limit]) => sum + limit, 0), promptTokens: MIXED.reduce((sum, [history, limit]) => sum + Math.min(history.length, 129 - limit), 0), underWay: 0, waiting: 0, bytes: 0 });
});

test('with two sessions, calls run side by side and nothing is mixed up', async () => {
  const { ask } = await worker({}, { engine: createOnnxEngine({ modelsDirectory: MODELS, threads: 2 }) });
  await expectMixed(ask);
});

test('where memory is short, slates give way and are computed again, and come out the same', async () => {
  const { ask, used } = await worker({ cacheBytes: 10 * BLOCK_BYTES });
  const asked = Array.from({ length: 8 }, (_, index): [number[], number] => [items(14 + (index % 3), index), 24]);
  const slates = await Promise.all(asked.map(([history, limit]) => ask(work(history, { limit }))));
  for (const [index, [history, limit]] of asked.entries()) expect(slates[index]!.items).toEqual((await oneAtATime(history, limit)).items);
  expect(used.preemptions).toBeGreaterThan(0);
  expect(used.bytes).toBe(0);
});

test.each<[CacheFormat, number]>([['fp16', 0.005], ['int8', 0.1]])('a cache in %s gives scores within %d as long as the items are the same', async (cacheFormat, tolerance) => {
  const { ask } = await worker({ cacheFormat });
  const asked = [3, 20, 60, 100].map((length) => items(length, length));
  const slates = await Promise.all(asked.map((history) => ask(work(history))));
  let same = 0;
  for (const [index, history] of asked.entries()) {
    const expected = await oneAtATime(history, 10);
    for (let place = 0; place < 10 && slates[index]!.items[place] === expected.items[place]; place += 1, same += 1) {
      expect(Math.abs(slates[index]!.scores[place]! - expected.scores[place]!)).toBeLessThan(tolerance);
    }
  }
  expect(same).toBeGreaterThan(20);
});

test('sampling depends on the seed alone: company, memory and caches change nothing', async () => {
  const { ask } = await worker();
  const short = await worker({ cacheBytes: 14 * BLOCK_BYTES });
  const asked = Array.from({ length: 10 }, (_, index) => work(items(20 + index, index), { temperature: 1, seed: index }));
  const together = await Promise.all(asked.map(ask));
  const pressed = await Promise.all(asked.map(short.ask));
  for (const [index, one] of asked.entries()) {
    expect((await ask(one)).items).toEqual(together[index]!.items);
    expect(pressed[index]!.items).toEqual(together[index]!.items);
    expect(new Set(together[index]!.items).size).toBe(10);
  }
  const others = await Promise.all(Array.from({ length: 8 }, (_, seed) => ask(work(items(20, 0), { temperature: 1, seed }))));
  expect(new Set(others.map((slate) => slate.items.join())).size).toBeGreaterThan(6);
  const unseeded = [work(items(20, 0), { temperature: 1, requestId: 'same' }), work(items(20, 0), { temperature: 1, requestId: 'same' })];
  const [first, second] = await Promise.all(unseeded.map(ask));
  expect(first).toEqual(second);
});

test.each([1, 3])('with %d drafts a step, slates are the same', async (draftTokens) => {
  const { ask, used } = await worker({ draftTokens });
  await expectMixed(ask);
  expect(used.accepted).toBeGreaterThan(0);
  expect(used.accepted).toBeLessThan(used.drafted);
  const slate = await ask(work(items(40, 1), { temperature: 1, seed: 3, limit: 20 }));
  expect(new Set(slate.items).size).toBe(20);
});

test('who comes back goes on from what is in memory, until he is forgotten', async () => {
  const erasures: ((user: string) => void)[] = [];
  const log = { now: () => Date.now(), tail: async ({ onRecord }: { onRecord: (record: never) => void }) => {
    erasures.push((user) => onRecord({ key: `erased/${user}`, value: Buffer.from(JSON.stringify({ kind: 'erasure', user, time: Date.now() })), timestamp: Date.now() } as never));
    return { caughtUp: Promise.resolve(), close: async () => undefined };
  } };
  const { ask, used, stage } = await worker({}, { log: log });
  await stage.start?.({ publish: async () => undefined });
  const history = items(62, 9);
  for (let length = 60; length < 62; length += 1) {
    expect((await ask(work(history.slice(0, length), { userId: 'u' }))).items).toEqual((await oneAtATime(history.slice(0, length), 10)).items);
  }
  expect(used).toMatchObject({ promptTokens: 61, reusedTokens: 60 });
  erasures[0]!(userHash('u'));
  await vi.waitFor(async () => {
    const before = used.reusedTokens;
    await ask(work(history, { userId: 'u' }));
    expect(used.reusedTokens).toBe(before);
  }, 10_000);
});

test('what is taken back leaves between steps; what is late is not computed', async () => {
  const { stage, ask } = await worker();
  const long = stage.run(work(items(40, 1), { requestId: 'taken back', limit: 50 }), TOPIC);
  const late = stage.run(work(items(40, 2), { limit: 50, task: { deadlineAt: Date.now() + 8 } }), TOPIC);
  const other = ask(work(items(40, 3), { limit: 30 }));
  await stage.handle(record({ cancel: true, requestId: 'taken back', workload: 'generate', key: 'taken back', arrivedAt: 0, source: 's' }, TOPIC), { publish: async () => undefined });
  expect(await long).toMatchObject({ kind: 'skipped', reason: 'cancelled' });
  expect(await late).toMatchObject({ kind: 'expired' });
  expect((await other).items).toEqual((await oneAtATime(items(40, 3), 30)).items);
});

test('a thread that dies costs a call, not an answer', async () => {
  const engine = createOnnxEngine({ modelsDirectory: MODELS, threads: 1 });
  const { ask } = await worker({}, { engine });
  const slates = [ask(work(items(30, 1))), ask(work(items(31, 2)))];
  engine.loseThread(0);
  expect((await slates[0])!.items).toEqual((await oneAtATime(items(30, 1), 10)).items);
  expect((await slates[1])!.items).toEqual((await oneAtATime(items(31, 2), 10)).items);
});

test('an item that the model does not know fails alone, and its company is answered', async () => {
  const { stage, ask } = await worker();
  const bad = stage.run(work([...items(20, 1), 999_999]), TOPIC);
  const good = ask(work(items(21, 2)));
  expect(await bad).toMatchObject({ kind: 'failed', code: 'step_failed' });
  expect((await good).items).toEqual((await oneAtATime(items(21, 2), 10)).items);
});

test('who has no history is given what is popular, and a slate that does not fit is refused with a reason', async () => {
  const { ask, stage } = await worker();
  expect((await ask(work([], { limit: 4 }))).items).toEqual(decoder.catalogue!.popular.slice(0, 4));
  expect(await stage.run(work(items(3, 1), { limit: 200 }), TOPIC)).toMatchObject({ kind: 'failed', message: expect.stringContaining('does not fit') });
});

test('a stage that drains finishes what is under way', async () => {
  const { stage, ask } = await worker();
  const slate = ask(work(items(40, 1), { limit: 20 }));
  await stage.drain?.();
  expect((await slate).items).toHaveLength(20);
});

test('memory that is too small for one slate is named, with what would do', async () => {
  await expect(worker({ cacheBytes: 3 * BLOCK_BYTES })).rejects.toMatchObject({ code: 'no_variant_loaded' });
});
