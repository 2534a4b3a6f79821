import { generateInputSchema, type GenerateFeatures, type GenerateInput, type RankedItems, type Result, type StepResult, type Variant, type Work } from '@tandem/schemas';
import { seedOf } from '../../generate/sampling.ts';
import type { CacheFormat, DecodingSpec, DecodingStart, DecodingSupport } from '../decoding-support.ts';
import { roundTogether } from '../numbers.ts';
import { isRankedItems } from '../recommend/candidates.ts';
import { prepareRecommend } from '../recommend/prepare.ts';
import { servedLength } from '../recommend/window.ts';
import { popularItems } from '../recommend/without-model.ts';
import type { Adapter, Prepared, PrepareContext } from '../types.ts';

/** By kind of cache, as the registry names them. */
const GRAPHS: Readonly<Record<CacheFormat, string>> = { fp32: 'decode', fp16: 'decodeHalf', int8: 'decodeByte' };

const decoding: DecodingSupport = { spec, start, result };

/**
 * Generating a slate of next items from a user's history, each item given those before it.
 *
 * Variants have a graph for each kind of cache and perhaps a draft model (./../decoding-support.ts, docs/generate.md); they are
 * decoded step by step, never run as a batch of requests.
 */
export const generateAdapter: Adapter = {
  name: 'generate',
  inputSchema: generateInputSchema,
  prepare,
  decoding,
  shape: notInBatches,
  dimensions: notInBatches,
  encode: notInBatches,
  decode: notInBatches,
  present,
  fallback(features, variants) {
    const { limit } = features as GenerateFeatures;
    return popularItems(features as GenerateFeatures, variants, limit);
  },
};

function prepare(input: unknown, context: PrepareContext): Prepared {
  const { count, temperature, topK, seed, history, asOfInteractions } = input as GenerateInput;
  const recommend = { limit: count, ...(history === undefined ? {} : { history }), ...(asOfInteractions === undefined ? {} : { asOfInteractions }) };
  const { features, marks } = prepareRecommend(recommend, context);
  const { history: known, total, limit } = features as GenerateFeatures;
  const generate: GenerateFeatures = { history: known, total, limit, temperature, topK, ...(seed === undefined ? {} : { seed }) };
  return { features: generate, marks, hasCandidates: false };
}

function spec({ graphs, limits }: Variant): DecodingSpec | undefined {
  const found = Object.entries(GRAPHS).filter(([, graph]) => graph in graphs);
  const maxLength = limits['maxLength'];
  if (found.length === 0 || maxLength === undefined) return undefined;
  return { maxLength, graphs: Object.fromEntries(found), ...('draft' in graphs ? { draft: 'draft' } : {}) };
}

/** The served window, so short that all that is generated fits behind it: the last item is never fed back. */
function start({ task }: Work, variant: Variant): DecodingStart | StepResult {
  const features = task.input as GenerateFeatures;
  const { history, limit: count, temperature, topK, seed = seedOf(task.requestId) } = features;
  if (history.length === 0) return popularItems(features, [variant], count) ?? { items: [], scores: [] };
  const longest = (variant.limits['maxLength'] ?? Infinity) - (count - 1);
  if (longest < 1) throw new Error(`a slate of ${count} does not fit into the ${variant.limits['maxLength']} items that ${variant.model} takes`);
  const promptLength = Math.min(servedLength(features, variant), longest);
  const from = history.length - promptLength;
  return { prompt: history.slice(from), older: history.slice(0, from), count, sampling: { temperature, topK, seed } };
}

function result(chosen: ReadonlyArray<{ item: number; score: number }>): RankedItems {
  return { items: chosen.map(({ item }) => item), scores: roundTogether(chosen.map(({ score }) => score)) };
}

function present(merged: StepResult, features: unknown): Result {
  if (!isRankedItems(merged)) throw new TypeError('a generate step gave class scores instead of items');
  const { limit } = features as GenerateFeatures;
  return { sequence: merged.items.slice(0, limit).map(String), scores: merged.scores.slice(0, limit) };
}

function notInBatches(): never {
  throw new Error('slates are decoded step by step; this variant cannot be run in a batch of requests');
}
