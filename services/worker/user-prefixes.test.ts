import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { registrySchema, type Heartbeat, type Lane, type Outcome, type PlanStep, type RankedItems, type RecommendFeatures, type Variant, type Work } from '@tandem/schemas';
import { userHash } from '@tandem/shared/cache';
import { BatchQueue, builtInAdapters } from '@tandem/shared/core';
import { createOnnxEngine, type Invocation, type LoadedVariant, type OnnxEngine } from '@tandem/shared/engine';
import { TandemError } from '@tandem/shared/errors';
import type { LogRecord, TailOptions } from '@tandem/shared/log';
import { silentLogger, type Logger } from '@tandem/shared/telemetry';
import { afterAll, expect, onTestFinished, test, vi } from 'vitest';
import type { PrefixUse, WorkerStageOptions } from './index.ts';
import { record, workerFactory } from './testing.ts';

const MODELS = fileURLToPath(new URL('../../models/', import.meta.url));
const registry = registrySchema.parse(JSON.parse(readFileSync(`${MODELS}registry.json`, 'utf8')));
const large = (precision: string): Variant => registry.models.find((variant) => variant.model === 'recommend-large' && variant.precision === precision)!;
const SLOT_BYTES = 6 * 128 * 32 * 4;
const CANDIDATES = Array.from({ length: 100 }, (_, index) => 3_001 + index);
const fine: PlanStep = { id: 'fine', role: 'fine', model: 'recommend-large', after: [], required: true };
const factory = workerFactory(onTestFinished);
const frees: (() => void | Promise<void>)[] = [];
/** Of workers that outlive a test. */
const lasting = workerFactory((free) => frees.push(free));

vi.setConfig({ testTimeout: 120_000 });
afterAll(async () => {
  for (const free of frees) await free();
});

interface Asked {
  userId?: string;
  precision?: string;
  lane?: Lane;
  catalogue?: boolean;
  total?: number;
  limit?: number;
}

/** Fewer than there are candidates, so that a wrong ranking has other items. */
const LIMIT = 10;
/** Enough to tell where an item belongs that two ways of summing put behind the last. */
const LONGER = 60;

/** A worker over the released ranker, and what its prefixes have done. */
async function worker(slots: number, over: Partial<WorkerStageOptions> = {}, engine?: OnnxEngine, create = factory) {
  const used: Required<PrefixUse> = { hits: 0, misses: 0, bypassed: 0, steps: 0, savedTokens: 0, evictions: 0, bytes: 0 };
  const prefixes = (_variant: string, { bytes, ...counts }: PrefixUse) => {
    for (const [name, count] of Object.entries(counts)) used[name as keyof PrefixUse] += count;
    used.bytes = bytes ?? used.bytes;
  };
  const stage = await create({
    variants: [large('int8')], adapters: builtInAdapters, engine: engine ?? createOnnxEngine({ modelsDirectory: MODELS, threads: 1 }),
    prefixCacheBytes: slots * SLOT_BYTES, observer: { prefixes }, ...over,
  });
  const ask = async (history: readonly number[], { userId, precision = 'int8', lane = 'interactive', catalogue = false, total, limit = LIMIT }: Asked = {}) => {
    const input: RecommendFeatures = { history: [...history], total: total ?? history.length, limit, ...(catalogue ? {} : { candidates: CANDIDATES }) };
    const work: Work = {
      step: 'fine', model: 'recommend-large', precision, reason: 'test', dispatchedAt: 0, previous: {},
      task: {
        requestId: 'r', workload: 'w', key: userId ?? 'r', ...(userId === undefined ? {} : { userId }), lane, task: 'fine', tier: 'standard', arrivedAt: 0,
        deadlineAt: null, accuracyFloor: null, activity: 0, input, source: 's', marks: [], plan: { id: 'p', strategy: 'rerank', steps: [fine] },
      },
    };
    const topic = `t.${lane === 'bulk' ? 'bulk' : 'work'}.recommend-large.${precision}`;
    const [output] = await stage.handle(record(work, topic), { publish: async () => undefined });
    return rankingOf(JSON.parse(output!.value as string) as Outcome);
  };
  return { stage, used, ask };
}

function rankingOf(outcome: Outcome): RankedItems {
  if (outcome.kind !== 'completed') throw new Error(JSON.stringify(outcome));
  return outcome.result as RankedItems;
}

/** Items 1 to 3883, by a small generator: the same in every run. */
function items(count: number, seed: number): number[] {
  let state = seed * 7_919 + 17;
  return Array.from({ length: count }, () => ((state = (state * 48_271) % 2_147_483_647) % 3_883) + 1);
}

/**
 * int8 rounds the same way in steps and whole histories: scores are equal but for the order of sums, and so is the order of
 * the items but for those whose scores are as near to each other.
 * @param expected a longer ranking
 */
function expectSame(actual: RankedItems, expected: RankedItems): void {
  const scores = new Map(expected.items.map((item, place) => [item, expected.scores[place]!]));
  expect(new Set(actual.items).size).toBe(LIMIT);
  actual.items.forEach((item, place) => {
    expect(actual.scores[place]).toBeCloseTo(expected.scores[place]!, 2);
    expect(actual.scores[place]).toBeCloseTo(scores.get(item)!, 2);
  });
}

let plain: ReturnType<typeof worker> | undefined;

/** What no cache would answer, with more items; popular ones, for nobody's history, are scored by their share of the list. */
async function plainAnswers(asked: readonly [readonly number[], Asked?][]): Promise<RankedItems[]> {
  plain ??= worker(0, {}, undefined, lasting);
  const { ask } = await plain;
  return Promise.all(asked.map(([history, how]) => ask(history, { ...how, limit: history.length === 0 ? LIMIT : LONGER })));
}

test.each([['a list', false], ['the catalogue', true]])('a history that grows beyond its window gives the same ranking of %s as without a cache', async (_what, catalogue) => {
  const { ask, used } = await worker(4);
  const history = items(195, 1);
  const lengths = Array.from({ length: 17 }, (_, index) => (index < 9 ? 124 + index : 179 + index));
  const asked = lengths.map((length) => history.slice(0, length));
  const expected = await plainAnswers(asked.map((sequence) => [sequence, { userId: 'u', catalogue }]));
  for (const [index, sequence] of asked.entries()) expectSame(await ask(sequence, { userId: 'u', catalogue }), expected[index]!);
  // Built at first, where the window moves behind 128 and at 192; and where 56 items came at once.
  expect(used).toMatchObject({ misses: 4, hits: 13, steps: 13, bypassed: 0, evictions: 0, bytes: SLOT_BYTES });
});

test('users of all lengths side by side, some twice at once, get their own answers and no others', async () => {
  const { ask, used } = await worker(16);
  const lengths = [1, 2, 15, 16, 40, 64, 90, 127, 128, 129, 200, 256];
  const asked = lengths.flatMap((length): [number[], Asked][] => {
    const history = items(length + 2, length);
    return [0, 1, 2].map((more) => [history.slice(0, length + more), { userId: `u${length}` }]);
  });
  asked.push([[], { userId: 'new' }], [items(30, 5), {}], [items(256, 6), { userId: 'long', total: 700 }]);
  const expected = await plainAnswers(asked);
  for (let round = 0; round < 2; round += 1) {
    const answers = await Promise.all(asked.map(([history, how]) => ask(history, how)));
    answers.forEach((answer, index) => expectSame(answer, expected[index]!));
  }
  // Nobody's history is empty, nobody comes back without a name.
  expect(used.bypassed).toBeGreaterThanOrEqual(4);
  expect(used.hits).toBeGreaterThan(asked.length / 2);
  expect(used.bytes).toBe(13 * SLOT_BYTES);
});

test('a step takes only what is new, several steps what came meanwhile, and a corrected history is built anew', async () => {
  const { ask, used } = await worker(2);
  const history = items(100, 3);
  const corrected = history.with(40, 7);
  const asked: [number[], Asked][] = [
    history.slice(0, 90), history.slice(0, 91), history.slice(0, 95), history.slice(0, 95), history.slice(0, 93), corrected.slice(0, 96), corrected.slice(0, 97),
  ].map((sequence) => [sequence, { userId: 'u' }]);
  const expected = await plainAnswers(asked);
  const steps: number[] = [];
  for (const [index, [sequence, how]] of asked.entries()) {
    const before = used.steps;
    expectSame(await ask(sequence, how), expected[index]!);
    steps.push(used.steps - before);
  }
  expect(steps).toEqual([0, 1, 4, 1, 1, 0, 1]);
  expect(used).toMatchObject({ misses: 2, hits: 5, savedTokens: 90 + 91 + 94 + 92 + 96 });
});

test('nothing is kept where the cache is off', async () => {
  await plainAnswers([[items(20, 1), { userId: 'u' }], [items(21, 1), { userId: 'u' }]]);
  expect((await plain!).used).toEqual({ hits: 0, misses: 0, bypassed: 0, steps: 0, savedTokens: 0, evictions: 0, bytes: 0 });
});

test('more users than slots: the least recently seen are built again, and every answer stays right', async () => {
  const { ask, used } = await worker(2);
  const asked = Array.from({ length: 12 }, (_, index): [number[], Asked] => [items(30, index % 4).slice(0, 20 + Math.floor(index / 4)), { userId: `u${index % 4}` }]);
  const expected = await plainAnswers(asked);
  for (const [index, [history, how]] of asked.entries()) expectSame(await ask(history, how), expected[index]!);
  expect(used).toMatchObject({ hits: 0, misses: 12, evictions: 10, bytes: 2 * SLOT_BYTES });
});

test('bulk work goes on from a prefix that is there, and takes no room', async () => {
  const { ask, used } = await worker(1);
  await ask(items(50, 1), { userId: 'u' });
  await ask(items(40, 2), { userId: 'v', lane: 'bulk' });
  await ask(items(51, 1), { userId: 'u', lane: 'bulk' });
  expect(used).toMatchObject({ misses: 1, bypassed: 1, hits: 1, evictions: 0 });
});

test('while work is being lost, only who is one step from the answer goes on from a prefix, and nothing is built', async () => {
  const { used, ask } = await worker(4);
  const history = Array.from({ length: 70 }, (_, index) => index + 1);
  await ask(history.slice(0, 60), { userId: 'ann' });
  await ask(history.slice(0, 60), { userId: 'bob' });
  const overloaded = vi.spyOn(BatchQueue.prototype, 'isOverloaded').mockReturnValue(true);
  onTestFinished(() => overloaded.mockRestore());
  const [one, several, fresh] = [await ask(history.slice(0, 61), { userId: 'ann' }), await ask(history.slice(0, 62), { userId: 'bob' }), await ask(history, { userId: 'new' })];
  expect(used).toMatchObject({ misses: 2, hits: 1, steps: 1, bypassed: 2 });
  expect([one, several, fresh]).toEqual([await ask(history.slice(0, 61)), await ask(history.slice(0, 62)), await ask(history)]);
});

test('another worker, and the same after a restart, answer alike from the task alone', async () => {
  const history = items(61, 9);
  const first = await worker(2);
  await first.ask(history.slice(0, 60), { userId: 'u' });
  const [expected] = await plainAnswers([[history, { userId: 'u' }]]);
  const second = await worker(2);
  expectSame(await second.ask(history, { userId: 'u' }), expected!);
  expect(second.used).toMatchObject({ misses: 1, hits: 0 });
  expectSame(await first.ask(history, { userId: 'u' }), expected!);
  expect(first.used.hits).toBe(1);
});

test('prefixes take only what the model files leave of the memory budget', async () => {
  const fileBytes = Object.values(large('int8').graphs).reduce((sum, { bytes }) => sum + bytes, 0);
  const { ask, used } = await worker(8, { memoryBudgetBytes: fileBytes + SLOT_BYTES });
  for (const userId of ['u', 'v']) await ask(items(20, 1), { userId });
  expect(used).toMatchObject({ misses: 2, evictions: 1, bytes: SLOT_BYTES });
});

test('another version takes over: nothing of what the old one kept is in the new one’s answers', async () => {
  let release: (variant: Variant) => void = () => undefined;
  const tail = async ({ topic, onRecord }: TailOptions) => {
    if (topic === 't.models') release = (variant) => void onRecord({ ...record(variant, topic), key: 'recommend-large.int8' });
    return { caughtUp: Promise.resolve(), close: async () => undefined };
  };
  // The same tensors, other numbers.
  const newer: Variant = { ...large('int8'), version: 'newer', graphs: large('fp32').graphs };
  const beats: Heartbeat[] = [];
  const { stage, ask, used } = await worker(4, { log: { now: () => 0, tail }, heartbeatIntervalMs: 20 });
  await stage.start?.({ publish: async (outputs) => void beats.push(...outputs.flatMap(({ value }) => (value === null ? [] : [JSON.parse(value as string) as Heartbeat]))) });
  const history = items(72, 11);
  const asked = [70, 71, 72].map((length): [number[], Asked] => [history.slice(0, length), { userId: 'u' }]);
  const before = await plainAnswers(asked);
  const afterwards = await worker(0, { variants: [newer] });
  const expected = await Promise.all(asked.map(([sequence, how]) => afterwards.ask(sequence, { ...how, limit: LONGER })));
  for (const place of [0, 1]) expectSame(await ask(...asked[place]!), before[place]!);
  release(newer);
  await expect.poll(() => beats.at(-1)?.variants[0]?.version, { timeout: 60_000, interval: 5 }).toBe('newer');
  for (const place of [1, 2]) expectSame(await ask(...asked[place]!), expected[place]!);
  const old = { ...before[2]!, items: before[2]!.items.slice(0, LIMIT), scores: before[2]!.scores.slice(0, LIMIT) };
  expect(() => expectSame(old, expected[2]!)).toThrow('to be close to');
  expect(used).toMatchObject({ misses: 2, hits: 2, steps: 2 });
});

test('each precision keeps prefixes of its own', async () => {
  const both = { variants: [large('fp32'), large('int8')] };
  const [cached, uncached] = [await worker(4, both), await worker(0, both)];
  const history = items(71, 4);
  await cached.ask(history.slice(0, 70), { userId: 'u', precision: 'fp32' });
  for (const precision of ['int8', 'fp32']) {
    const asked = { userId: 'u', precision };
    expectSame(await cached.ask(history, asked), await uncached.ask(history, { ...asked, limit: LONGER }));
  }
  expect(cached.used).toMatchObject({ misses: 2, hits: 1, steps: 1 });
});

test('a thread that dies under a batch costs the prefixes of the batch, not its answers', async () => {
  const engine = createOnnxEngine({ modelsDirectory: MODELS, threads: 1 });
  const { ask, used } = await worker(2, {}, engine);
  const history = items(42, 8);
  const [, , ...expected] = await plainAnswers([[[], {}], [[], {}], [history.slice(0, 41), { userId: 'u' }], [history, { userId: 'u' }]]);
  await ask(history.slice(0, 40), { userId: 'u' });
  engine.loseThread(0);
  expectSame(await ask(history.slice(0, 41), { userId: 'u' }), expected[0]!);
  expectSame(await ask(history, { userId: 'u' }), expected[1]!);
  expect(used).toMatchObject({ misses: 2, hits: 0, bytes: SLOT_BYTES });
});

/** The real engine, whose cached steps go wrong in some way. */
function faulty(fault: (invocation: Invocation) => Invocation): OnnxEngine {
  const engine = createOnnxEngine({ modelsDirectory: MODELS, threads: 1 });
  const load: OnnxEngine['load'] = async (variant, options) => {
    const loaded = await engine.load(variant, options);
    const prepare: LoadedVariant['prepare'] = async (graph, dimensions) => {
      const invocation = await loaded.prepare(graph, dimensions);
      return graph === 'step' ? fault(invocation) : invocation;
    };
    const { held, provider, memoryBytes } = loaded;
    return { variant, held: held!, provider, memoryBytes, prepare, unload: () => loaded.unload() };
  };
  return { ...engine, concurrency: engine.concurrency, load, close: () => engine.close() };
}

test.each<[string, (invocation: Invocation) => Invocation]>([
  ['fail', (invocation) => ({ inputs: invocation.inputs, release: () => invocation.release(), run: () => Promise.reject(new TandemError('bad step', { code: 'inference_failed' })) })],
  ['give numbers that are none', (invocation) => ({
    inputs: invocation.inputs, release: () => invocation.release(),
    run: async () => {
      const result = await invocation.run();
      result.outputs['kvStep']!.data.fill(NaN);
      return result;
    },
  })],
])('steps that %s are answered without the cache; it is left out when they do so repeatedly', async (_what, fault) => {
  const errors: string[] = [];
  const logger: Logger = { ...silentLogger, error: (_details: unknown, message: string) => void errors.push(message) } as Logger;
  const { ask, used } = await worker(2, { logger }, faulty(fault));
  const history = items(60, 2);
  const lengths = [40, 41, 42, 43, 44, 45, 46, 47];
  const expected = await plainAnswers(lengths.map((length) => [history.slice(0, length), { userId: 'u' }]));
  for (const [index, length] of lengths.entries()) expectSame(await ask(history.slice(0, length), { userId: 'u' }), expected[index]!);
  // Built, failed, built, failed, built, failed; then left out.
  expect(used).toMatchObject({ misses: 3, hits: 0, bypassed: 2, bytes: 0 });
  expect(errors).toEqual([expect.stringContaining('cached prefixes fail repeatedly')]);
});

test('an erased user’s prefix is given up and its memory wiped', async () => {
  let heard: ((record: LogRecord) => void) | undefined;
  const tail = async ({ topic, onRecord }: TailOptions) => {
    if (topic === 't.telemetry') heard = (record) => void onRecord(record);
    return { caughtUp: Promise.resolve(), close: async () => undefined };
  };
  const { stage, ask, used } = await worker(2, { log: { now: () => 0, tail } });
  await stage.start?.({ publish: async () => undefined });
  for (const userId of ['u', 'v']) await ask(items(20, 1), { userId });
  heard!(record({ kind: 'erasure', user: userHash('u'), time: 1 }, 't.telemetry'));
  await ask(items(21, 1), { userId: 'u' });
  await ask(items(21, 1), { userId: 'v' });
  expect(used).toMatchObject({ misses: 3, hits: 1 });
});
