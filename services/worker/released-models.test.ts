import { fileURLToPath } from 'node:url';
import type { ClassScores, Outcome, PlanStep, RankedItems, RecommendFeatures, Task, Work } from '@tandem/schemas';
import { createMemoryCache } from '@tandem/shared/cache';
import { systemClock } from '@tandem/shared/clock';
import { builtInAdapters } from '@tandem/shared/core';
import { createOnnxEngine } from '@tandem/shared/engine';
import { loadRegistry, stableVariants } from '@tandem/shared/registry';
import type { Stage } from '@tandem/shared/runner';
import { silentLogger } from '@tandem/shared/telemetry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWorkerStage } from './index.ts';
import { testLog } from './testing.ts';

const MODELS = fileURLToPath(new URL('../../models/', import.meta.url));
const context = { publish: async () => undefined };
let stage: Stage;

beforeAll(async () => {
  stage = await createWorkerStage({
    prefix: 't.', instance: 'worker-1', variants: stableVariants(await loadRegistry(MODELS)), adapters: builtInAdapters,
    engine: createOnnxEngine({ modelsDirectory: MODELS, threads: 2 }), clock: systemClock, logger: silentLogger, cache: createMemoryCache(), log: testLog,
    probe: { sample: async () => ({ time: 0, cpuCores: 2, memoryBytes: 8, memoryFreeBytes: 4 }) },
  });
}, 120_000);

afterAll(() => stage.stop?.());

const steps: PlanStep[] = [
  { id: 'coarse', role: 'coarse', model: 'recommend-small', after: [], required: false },
  { id: 'fine', role: 'fine', model: 'recommend-large', after: ['coarse'], required: false },
];

/** A user of the length, different for each. */
function features(length: number, over: Partial<RecommendFeatures> = {}): RecommendFeatures {
  const history = Array.from({ length }, (_, index) => ((index * 37 + length * 101) % 3_800) + 1);
  return { history, total: length, limit: 10, ...over };
}

const RUN = { model: 'recommend-small', precision: 'fp32', version: '1', batchSize: 1, queueMs: 0, computeMs: 1, reason: '' };

async function run(step: string, model: string, precision: string, input: unknown, previous: Work['previous'] = {}): Promise<Outcome> {
  const task: Task = {
    requestId: 'r', workload: 'w', key: 'k', lane: 'interactive', task: 'full', tier: 'standard', arrivedAt: 0, deadlineAt: null,
    accuracyFloor: null, activity: 0, input, source: 's', marks: [], plan: { id: 'p', strategy: 'rerank', steps },
  };
  const work: Work = { step, model, precision, reason: 'test', dispatchedAt: Date.now(), task, previous };
  const value = Buffer.from(JSON.stringify(work));
  const topic = `t.work.${model}.${precision}`;
  const [output] = await stage.handle({ topic, partition: 0, offset: 0, key: 'k', value, headers: {}, timestamp: 0 }, context);
  return JSON.parse(output!.value as string) as Outcome;
}

async function resultOf<T>(outcome: Promise<Outcome>): Promise<T> {
  const settled = await outcome;
  if (settled.kind !== 'completed') throw new Error(JSON.stringify(settled));
  return settled.result as T;
}

test.each(['fp32', 'int8'])('candidates of the small model, ranked by the large one, in %s', async (precision) => {
  const input = features(40);
  const candidates = await resultOf<RankedItems>(run('coarse', 'recommend-small', precision, input));
  expect(new Set(candidates.items).size).toBe(100);
  expect(candidates.items.filter((item) => input.history.includes(item))).toEqual([]);
  expect(candidates.scores).toEqual(candidates.scores.toSorted((a, b) => b - a));
  expect(candidates.confidence).toBeGreaterThanOrEqual(0);
  expect(candidates.confidence).toBeLessThanOrEqual(1);
  const ranking = await resultOf<RankedItems>(run('fine', 'recommend-large', precision, input, { coarse: { kind: 'completed', run: RUN, result: candidates } }));
  expect(ranking.items).toHaveLength(10);
  expect(ranking.items.every((item) => candidates.items.includes(item))).toBe(true);
  expect(ranking.scores).toEqual(ranking.scores.toSorted((a, b) => b - a));
});

test('the large model over the whole catalogue gives nothing that the user has, however old', async () => {
  const input = features(256, { total: 700, limit: 100 });
  const { items } = await resultOf<RankedItems>(run('fine', 'recommend-large', 'fp32', input));
  expect(items.length).toBeGreaterThan(50);
  expect(items.filter((item) => input.history.includes(item))).toEqual([]);
});

test('answers of FP32 do not depend on batch mates of other lengths', async () => {
  const inputs = [1, 3, 14, 15, 16, 17, 40, 64, 90, 128, 200, 256].map((length) => features(length));
  const candidates = Array.from({ length: 60 }, (_, index) => 3_001 + index);
  const ask = (input: RecommendFeatures) => resultOf<RankedItems>(run('fine', 'recommend-large', 'fp32', { ...input, candidates, limit: 60 }));
  const together = await Promise.all(inputs.map(ask));
  for (const [index, input] of inputs.entries()) {
    const alone = await ask(input);
    const scores = new Map(alone.items.map((item, place) => [item, alone.scores[place]!]));
    together[index]!.items.forEach((item, place) => expect(together[index]!.scores[place]).toBeCloseTo(scores.get(item)!, 2));
  }
});

test('digits: the label of a blank image has a probability, and the small model says how sure it is', async () => {
  const values = new Array<number>(64).fill(0);
  const small = await resultOf<ClassScores>(run('look', 'digits-small', 'fp32', { values }));
  const large = await resultOf<ClassScores>(run('look', 'digits-large', 'fp32', { values }));
  for (const { probabilities, labels } of [small, large]) {
    expect(labels).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    expect(probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 3);
  }
  expect(small.confidence).toBeTypeOf('number');
  expect(large.confidence).toBeUndefined();
});
