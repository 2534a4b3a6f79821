import type { Variant, Work } from '@tandem/schemas';
import type { Dimensions, Invocation, TensorData, TensorView } from '../../../engine/types.ts';
import { namedTensor } from '../named-tensor.ts';
import { candidatesOf, featuresOf } from './candidates.ts';
import { servedLength } from './window.ts';

/** Stands in an empty history, since attention over nothing is not a number; the row's scores are not used. */
export const PLACEHOLDER_ITEM = 1;

export type RecommendGraph = 'candidates' | 'rank' | 'catalogue';

/** A model with a `candidates` graph makes candidates; others rank a list if there is one, else the catalogue. */
export function graphFor(work: Work, variant: Variant): RecommendGraph {
  if ('candidates' in variant.graphs) return 'candidates';
  return candidatesOf(work) === undefined ? 'catalogue' : 'rank';
}

/** Padded to the longest of the batch. Sizes are at least 1. */
export function recommendDimensions(graph: string, batch: readonly Work[], variant: Variant): Dimensions {
  let length = 1;
  let excluded = 1;
  let candidates = 1;
  for (const work of batch) {
    const features = featuresOf(work);
    const served = servedLength(features, variant);
    length = Math.max(length, served);
    excluded = Math.max(excluded, features.history.length - served);
    if (graph === 'rank') candidates = Math.max(candidates, candidatesOf(work)?.items.length ?? 0);
  }
  return graph === 'rank' ? { batch: batch.length, length, candidates } : { batch: batch.length, length, excluded };
}

export function encodeRecommend(graph: string, batch: readonly Work[], inputs: Invocation['inputs'], variant: Variant): void {
  const history = namedTensor(inputs, graph, 'history');
  const other = namedTensor(inputs, graph, graph === 'rank' ? 'candidates' : 'exclude');
  batch.forEach((work, row) => {
    const features = featuresOf(work);
    const olderItems = features.history.length - servedLength(features, variant);
    const historyRow = rowOf(history, row);
    copyInto(historyRow, features.history, olderItems);
    if (features.history.length === 0) historyRow[0] = PLACEHOLDER_ITEM;
    if (graph === 'rank') copyInto(rowOf(other, row), candidatesOf(work)?.items ?? []);
    else copyInto(rowOf(other, row), features.history, 0, olderItems);
  });
}

export function rowOf({ dims, data }: TensorView, row: number): TensorData {
  const width = dims[1] ?? 1;
  return data.subarray(row * width, (row + 1) * width);
}

export function copyInto(row: TensorData, items: readonly number[], from = 0, to = items.length): void {
  for (let index = from; index < to; index += 1) row[index - from] = items[index] ?? 0;
}
