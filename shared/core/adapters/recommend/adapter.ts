import { recommendInputSchema, type RecommendFeatures, type RecommendInput, type Result, type StepResult } from '@tandem/schemas';
import type { Adapter } from '../types.ts';
import { isRankedItems } from './candidates.ts';
import { decodeRecommend } from './decode.ts';
import { encodeRecommend, graphFor, recommendDimensions } from './encode.ts';
import { recommendPrefix } from './prefix.ts';
import { prepareRecommend } from './prepare.ts';
import { inGivenOrder, popularItems } from './without-model.ts';
import { servedLength } from './window.ts';

/**
 * Recommending items of a catalogue from a user's history.
 *
 * Graphs, all ids int32 with 0 as padding, histories oldest first and padded on the right:
 * - `candidates`: history [batch, length], exclude [batch, excluded] → items and scores [batch, 100], confidence [batch]
 * - `catalogue`: the same, without confidence
 * - `rank`: history [batch, length], candidates [batch, candidates] → scores [batch, candidates]
 * - `prefill`, `step`, `listing`: the same answers from a cached prefix (./prefix.ts, docs/user-streams.md)
 *
 * Options of the workload: `historyLimit`, how many of the newest items travel with a task (default 256).
 */
export const recommendAdapter: Adapter = {
  name: 'recommend',
  inputSchema: recommendInputSchema,
  prepare: (input, context) => prepareRecommend(input as RecommendInput, context),
  shape(work, variant) {
    const graph = graphFor(work, variant);
    // Looking items up costs the same for any history; attention over it does not.
    const length = graph === 'candidates' ? 1 : servedLength(work.task.input as RecommendFeatures, variant);
    return { graph, length: Math.max(1, length) };
  },
  dimensions: recommendDimensions,
  prefix: recommendPrefix,
  encode: encodeRecommend,
  decode: decodeRecommend,
  shown: (features) => (features as RecommendFeatures).limit,
  present,
  fallback(features, variants) {
    const recommend = features as RecommendFeatures;
    const { candidates, candidateScores, limit } = recommend;
    if (candidates === undefined) return popularItems(recommend, variants, limit);
    return inGivenOrder(candidateScores === undefined ? { items: candidates } : { items: candidates, scores: candidateScores }, limit);
  },
};

function present(result: StepResult, features: unknown): Result {
  if (!isRankedItems(result)) throw new TypeError('a recommend step gave class scores instead of items');
  const { limit } = features as RecommendFeatures;
  const items = result.items.slice(0, limit).map((item, index) => ({ itemId: String(item), score: result.scores[index] ?? 0 }));
  return { items };
}
