import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { registrySchema, type Lane, type Outcome, type PlanStep, type RankedItems, type RecommendFeatures, type Variant, type Work } from '@tandem/schemas';
import { builtInAdapters } from '@tandem/shared/core';
import { createOnnxEngine, type OnnxEngine } from '@tandem/shared/engine';
import { expect, onTestFinished, test } from 'vitest';
import type { PrefixUse, WorkerStageOptions } from './index.ts';
import { record, workerFactory } from './testing.ts';

const MODELS = fileURLToPath(new URL('../../models/', import.meta.url));
const registry = registrySchema.parse(JSON.parse(readFileSync(`${MODELS}registry.json`, 'utf8')));
const large = (precision: string): Variant => registry.models.find((variant) => variant.model === 'recommend-large' && variant.precision === precision)!;
const SLOT_BYTES = 6 * 4 * 128 * 32 * 4;
const CANDIDATES = Array.from({ length: 60 }, (_, index) => 3_001 + index);
const fine: PlanStep = { id: 'fine', role: 'fine', model: 'recommend-large', after: [], required: true };
const factory = workerFactory(onTestFinished);

interface Asked {
  userId?: string;
  precision?: string;
  lane?: Lane;
  catalogue?: boolean;
  total?: number;
}

/** A worker over the released ranker, and what its prefixes have done. */
async function worker(slots: number, over: Partial<WorkerStageOptions> = {}, engine?: OnnxEngine) {
  const used: Required<PrefixUse> = { hits: 0, misses: 0, bypassed: 0, steps: 0, savedTokens: 0, evictions: 0, bytes: 0 };
  const prefixes = (_variant: string, { bytes, ...counts }: PrefixUse) => {
    for (const [name, count] of Object.entries(counts)) used[name as keyof PrefixUse] += count;
    used.bytes = bytes ?? used.bytes;
  };
  const stage = await factory({
    variants: [large('int8')], adapters: builtInAdapters, engine: engine ?? createOnnxEngine({ modelsDirectory: MODELS, threads: 2 }),
    prefixCacheBytes: slots * SLOT_BYTES, observer: { prefixes }, ...over,
  });
  const ask = async (history: readonly number[], { userId, precision = 'int8', lane = 'interactive', catalogue = false, total }: Asked = {}) => {
    const input: RecommendFeatures = { history: [...history], total: total ?? history.length, limit: 60, ...(catalogue ? {} : { candidates: CANDIDATES }) };
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

/** int8 rounds the same way in steps and whole histories: scores are equal but for the order of sums. */
function expectSame(actual: RankedItems, expected: RankedItems): void {
  const scores = new Map(expected.items.map((item, place) => [item, expected.scores[place]!]));
  expect(actual.items.toSorted((a, b) => a - b)).toEqual(expected.items.toSorted((a, b) => a - b));
  actual.items.forEach((item, place) => expect(actual.scores[place]).toBeCloseTo(scores.get(item)!, 2));
}

test.each([['a list', false], ['the catalogue', true]])('a history that grows beyond its window gives the same ranking of %s as without a cache', async (_what, catalogue) => {
  const [cached, plain] = [await worker(4), await worker(0)];
  const history = items(200, 1);
  for (let length = 120; length <= 200; length += 1) {
    const asked = { userId: 'u', catalogue };
    expectSame(await cached.ask(history.slice(0, length), asked), await plain.ask(history.slice(0, length), asked));
  }
  // Built at first, where the window moves after 128, and again at 192.
  expect(cached.used).toMatchObject({ misses: 3, hits: 78, steps: 78, bypassed: 0, evictions: 0, bytes: SLOT_BYTES });
  expect(plain.used).toMatchObject({ misses: 0, hits: 0, bytes: 0 });
});
