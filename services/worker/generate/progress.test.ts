import { fileURLToPath } from 'node:url';
import { HEADER, type GenerateFeatures, type Outcome, type RankedItems, type Work } from '@tandem/schemas';
import { builtInAdapters } from '@tandem/shared/core';
import { createOnnxEngine } from '@tandem/shared/engine';
import { loadRegistry } from '@tandem/shared/registry';
import type { StageOutput } from '@tandem/shared/runner';
import { expect, onTestFinished, test, vi } from 'vitest';
import { record, workerFactory } from '../testing.ts';

vi.setConfig({ testTimeout: 120_000 });

const MODELS = fileURLToPath(new URL('../../../models/', import.meta.url));
const { variants } = await loadRegistry(MODELS);
const decoder = variants.find(({ model }) => model === 'recommend-decoder')!;
const factory = workerFactory(onTestFinished);

function slate(over: Partial<Work['task']>): Work {
  const input: GenerateFeatures = { history: [1, 260, 1196], total: 3, limit: 30, temperature: 0, topK: 20 };
  const step = { id: 'decode', role: 'fine' as const, model: 'recommend-decoder', after: [], required: false };
  return {
    step: 'decode', model: 'recommend-decoder', precision: 'fp32', reason: 'test', dispatchedAt: Date.now(), previous: {},
    task: {
      requestId: 'r1', workload: 'generate', key: 'k', lane: 'interactive', task: 'fine', tier: 'standard', arrivedAt: 0, deadlineAt: null, accuracyFloor: null,
      activity: 0, input, source: 's', marks: [], plan: { id: 'fine', strategy: 'cascade', steps: [step] }, ...over,
    },
  };
}

/** What a worker makes of it: what it told on the way, and the outcome. */
async function decode(work: Work, publishes: (output: StageOutput) => Promise<void> = async () => undefined) {
  const stage = await factory({ variants: [decoder], adapters: builtInAdapters, engine: createOnnxEngine({ modelsDirectory: MODELS, threads: 1 }) });
  const told: StageOutput[] = [];
  const publish = async (outputs: readonly StageOutput[]) => {
    told.push(...outputs);
    for (const output of outputs) await publishes(output);
  };
  const asked = { ...record(work, 't.work.recommend-decoder.fp32'), headers: { [HEADER.replyTo]: 'gateway/3/g' } };
  const [output] = await stage.handle(asked, { publish });
  return { told, outcome: JSON.parse(output!.value as string) as Outcome & { kind: 'completed'; parts?: number } };
}

const itemsOf = (outcome: Outcome) => ((outcome as { result: RankedItems }).result).items;

test('a slate that is asked to tells its first items before it is whole, under its key and with what its request carried', async () => {
  const { told, outcome } = await decode(slate({ provisional: true }));
  expect(outcome.kind).toBe('completed');
  expect(told.length).toBeGreaterThan(0);
  expect(outcome.parts).toBe(told.length);
  const whole = itemsOf(outcome);
  told.forEach(({ topic, key, headers, value }, part) => {
    const progress = JSON.parse(value as string) as Outcome;
    expect({ topic, key, headers }).toEqual({ topic: 't.outcomes', key: 'k', headers: { [HEADER.replyTo]: 'gateway/3/g' } });
    expect(progress).toMatchObject({ kind: 'progress', requestId: 'r1', step: 'decode', part, run: { model: 'recommend-decoder' } });
    const soFar = itemsOf(progress);
    expect(soFar.length).toBeLessThan(whole.length);
    expect(soFar).toEqual(whole.slice(0, soFar.length));
  });
});

test('nobody asked: nothing is told', async () => {
  const { told, outcome } = await decode(slate({}));
  expect(told).toEqual([]);
  expect(outcome.parts).toBeUndefined();
});

test('what cannot be told does not keep the slate from its end', async () => {
  const { outcome } = await decode(slate({ provisional: true }), async () => Promise.reject(new Error('away')));
  expect(itemsOf(outcome)).toHaveLength(30);
});
