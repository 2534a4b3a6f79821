import type { GenerateFeatures, Variant, Work } from '@tandem/schemas';
import { expect, test } from 'vitest';
import { isDecodingStart } from './decoding-support.ts';
import { builtInAdapters } from './index.ts';

const generateAdapter = builtInAdapters.get('generate')!;
const graph = { file: 'x.onnx', sha256: '0'.repeat(64), bytes: 1, inputs: {}, outputs: {} };
const variant: Variant = {
  model: 'm', precision: 'fp32', version: '1', status: 'stable', adapter: 'generate', lineage: {}, limits: { window: 64, maxLength: 128 },
  catalogue: { items: 100, popular: [5, 6, 7, 8] }, accuracy: { metric: 'ndcgAt10', value: 1, others: {}, data: 'none', date: '2026-01-01' },
  graphs: { decode: graph, decodeByte: graph, draft: graph },
};

const features = (over: Partial<GenerateFeatures> = {}): GenerateFeatures => ({ history: [1, 2, 3], total: over.history?.length ?? 3, limit: 10, temperature: 0, topK: 20, ...over });
const workOf = (input: GenerateFeatures, requestId = 'r') => ({ task: { input, requestId } }) as unknown as Work;
const prepare = (input: object) => generateAdapter.prepare(generateAdapter.inputSchema.parse(input), { history: { items: ['7', '8'], total: 9 }, options: {}, variants: [variant] });

function start(input: GenerateFeatures, requestId?: string) {
  const started = generateAdapter.decoding!.start(workOf(input, requestId), variant);
  if (!isDecodingStart(started)) throw new Error('nothing is decoded');
  return started;
}

test('a request becomes features with defaults; the user’s history stands in where none is given', () => {
  expect(prepare({ history: ['3', '999'] })).toEqual({ features: { history: [3], total: 1, limit: 10, temperature: 0, topK: 20 }, marks: ['unknown_items_dropped'], hasCandidates: false });
  expect(prepare({ count: 3, temperature: 0.5, topK: 5, seed: 0 }).features).toEqual({ history: [7, 8], total: 9, limit: 3, temperature: 0.5, topK: 5, seed: 0 });
  expect(() => prepare({ count: 51 })).toThrow();
});

test('the prompt is the served window, cut so that the slate fits behind it; what is older is not generated either', () => {
  const history = Array.from({ length: 128 }, (_, index) => (index % 100) + 1);
  expect(start(features({ history, limit: 1 }))).toMatchObject({ prompt: history, older: [] });
  const long = start(features({ history, limit: 11 }));
  expect(long.prompt).toEqual(history.slice(10));
  expect(long.older).toEqual(history.slice(0, 10));
  expect(start(features({ history, total: 193 })).prompt).toHaveLength(65);
  expect(() => start(features({ limit: 200 }))).toThrow('does not fit');
});

test('without a seed the request’s id is one', () => {
  const seedOf = (input: GenerateFeatures, requestId: string) => start(input, requestId).sampling.seed;
  expect(seedOf(features({ seed: 4 }), 'a')).toBe(4);
  expect(seedOf(features(), 'a')).toBe(seedOf(features(), 'a'));
  expect(seedOf(features(), 'a')).not.toBe(seedOf(features(), 'b'));
});

test('nobody’s history gives popular items, as the fallback does', () => {
  expect(generateAdapter.decoding!.start(workOf(features({ history: [], limit: 2 })), variant)).toMatchObject({ items: [5, 6] });
  expect(generateAdapter.fallback(features({ history: [5], limit: 2 }), [variant])).toMatchObject({ items: [6, 7] });
});

test('a slate is presented in its order, with scores', () => {
  const result = generateAdapter.decoding!.result([{ item: 9, score: 1.234_567 }, { item: 3, score: 2 }], workOf(features()));
  expect(generateAdapter.present(result, features())).toEqual({ sequence: ['9', '3'], scores: [1.2346, 2] });
});

test('a variant decodes with the kinds of cache that it has graphs for', () => {
  expect(generateAdapter.decoding!.spec(variant)).toEqual({ maxLength: 128, graphs: { fp32: 'decode', int8: 'decodeByte' }, draft: 'draft' });
  expect(generateAdapter.decoding!.spec({ ...variant, graphs: {} })).toBeUndefined();
  expect(() => generateAdapter.shape(workOf(features()), variant)).toThrow('step by step');
});
