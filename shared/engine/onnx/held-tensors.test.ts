import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { registrySchema, type Variant } from '@tandem/schemas';
import { expect, onTestFinished, test } from 'vitest';
import type { LoadedVariant } from '../types.ts';
import { createOnnxEngine } from './onnx-engine.ts';

const MODELS = fileURLToPath(new URL('../../../models/', import.meta.url));
const registry = registrySchema.parse(JSON.parse(readFileSync(`${MODELS}registry.json`, 'utf8')));
const large = registry.models.find(({ model, precision }) => model === 'recommend-large' && precision === 'int8')!;
/** The cached step alone, which loads fast. */
const variant: Variant = { ...large, graphs: { step: large.graphs['step']! } };
const [SLOTS, POSITIONS] = [3, 16];

async function loaded(threads = 1) {
  const engine = createOnnxEngine({ modelsDirectory: MODELS, threads });
  onTestFinished(() => engine.close());
  return { engine, ranker: await engine.load(variant, { held: { pool: { slots: SLOTS, positions: POSITIONS } } }) };
}

async function scoreOf(ranker: LoadedVariant, slot: number, pastLength: number): Promise<number> {
  const invocation = await ranker.prepare('step', { batch: 1, candidates: 1 });
  for (const [name, value] of Object.entries({ item: 7, slot, pastLength, candidates: 9 })) invocation.inputs[name]!.data[0] = value;
  const { outputs } = await invocation.run();
  const score = outputs['scores']!.data[0]!;
  invocation.release();
  return score;
}

test('a held input is there, zeroed, in its full size, and not among what a call has to fill', async () => {
  const { ranker } = await loaded();
  const { dims, data } = ranker.held!['pool']!;
  expect(dims).toEqual([SLOTS, 6, 1, POSITIONS, 32]);
  expect(data).toHaveLength(SLOTS * 6 * POSITIONS * 32);
  expect(data.every((value) => value === 0)).toBe(true);
  const invocation = await ranker.prepare('step', { batch: 1, candidates: 1 });
  expect(Object.keys(invocation.inputs).toSorted()).toEqual(['candidates', 'item', 'pastLength', 'slot']);
  invocation.release();
});

test('what its owner writes is read by the next call, in the slot and up to the length that the call names', async () => {
  const { ranker } = await loaded();
  const fresh = await scoreOf(ranker, 1, 4);
  const pool = ranker.held!['pool']!.data;
  pool.fill(0.5, pool.length / SLOTS, (2 * pool.length) / SLOTS);
  const changed = await scoreOf(ranker, 1, 4);
  expect(changed).not.toBe(fresh);
  expect(await scoreOf(ranker, 0, 4)).toBe(fresh);
  expect(await scoreOf(ranker, 1, 0)).toBe(await scoreOf(ranker, 0, 0));
});

test('a thread that takes the place of a lost one reads the same memory', async () => {
  const { engine, ranker } = await loaded();
  const pool = ranker.held!['pool']!.data;
  pool.fill(0.5);
  const before = await scoreOf(ranker, 2, 8);
  engine.loseThread(0);
  await expect(scoreOf(ranker, 2, 8)).rejects.toMatchObject({ code: 'engine_thread_lost' });
  expect(await scoreOf(ranker, 2, 8)).toBe(before);
});

test.each([
  ['an input that no graph has', { cache: { slots: 1 } }, 'no graph of recommend-large has an input cache'],
  ['a size that is missing', { pool: { slots: 1 } }, 'dimension positions is not given'],
  ['more than the machine has', { pool: { slots: 1e9, positions: 1e6 } }, 'cannot be allocated'],
])('%s is refused by name', async (_what, held, message) => {
  const engine = createOnnxEngine({ modelsDirectory: MODELS, threads: 1 });
  onTestFinished(() => engine.close());
  await expect(engine.load(variant, { held })).rejects.toThrow(message);
});
