import type { RankedItems, Variant, Work } from '@tandem/schemas';
import type { InvocationResult } from '../../../engine/types.ts';
import { namedTensor } from '../named-tensor.ts';
import { floatsOf, roundTogether } from '../numbers.ts';
import { candidatesOf, featuresOf } from './candidates.ts';
import { inGivenOrder, popularItems } from './without-model.ts';

/** As many as the candidate models give. */
const MOST_ITEMS = 100;
const BLENDING = new Set(['reciprocal-rank', 'weighted-blend', 'average']);

export function decodeRecommend(graph: string, batch: readonly Work[], outputs: InvocationResult['outputs'], variant: Variant): RankedItems[] {
  const rows = graph === 'rank' ? rankedRows(batch, outputs) : listedRows(graph, batch, outputs);
  return batch.map((work, row) => {
    const withoutHistory = featuresOf(work).history.length === 0 ? answerWithoutHistory(work, variant) : undefined;
    return withoutHistory ?? rows(row);
  });
}

/** A later step or a blend wants the whole list; otherwise what the response will show. */
function itemsWanted({ step, task }: Work): number {
  const needed = BLENDING.has(task.plan.strategy) || task.plan.steps.some(({ after }) => after.includes(step));
  return needed ? MOST_ITEMS : (task.input as { limit: number }).limit;
}

/** Nothing is known of the user: a given list keeps its order, else what is popular; else what the model says. */
function answerWithoutHistory(work: Work, variant: Variant): RankedItems | undefined {
  const given = candidatesOf(work);
  const most = itemsWanted(work);
  return given === undefined ? popularItems(featuresOf(work), [variant], most) : inGivenOrder(given, most);
}

/** Graphs that choose items themselves: items and scores, best first, perhaps the model's confidence. */
function listedRows(graph: string, batch: readonly Work[], outputs: InvocationResult['outputs']): (row: number) => RankedItems {
  const { dims, data: items } = namedTensor(outputs, graph, 'items');
  const scores = floatsOf(namedTensor(outputs, graph, 'scores'));
  const confidences = outputs['confidence'] === undefined ? undefined : floatsOf(outputs['confidence']);
  const width = dims[1] ?? 0;
  return (row) => {
    const most = itemsWanted(batch[row]!);
    const kept: number[] = [];
    const keptScores: number[] = [];
    for (let index = row * width; index < (row + 1) * width && kept.length < most; index += 1) {
      const score = scores[index] ?? NaN;
      if (!((items[index] ?? 0) > 0) || !Number.isFinite(score)) continue;
      kept.push(items[index] ?? 0);
      keptScores.push(score);
    }
    return rankedItems(kept, keptScores, confidences?.[row]);
  };
}

/** The graph that scores a given list. */
function rankedRows(batch: readonly Work[], outputs: InvocationResult['outputs']): (row: number) => RankedItems {
  const tensor = namedTensor(outputs, 'rank', 'scores');
  const scores = floatsOf(tensor);
  const width = tensor.dims[1] ?? 0;
  return (row) => {
    const items = candidatesOf(batch[row]!)?.items ?? [];
    const scoreAt = (index: number) => scores[row * width + index] ?? NaN;
    const order = [...items.keys()].filter((index) => Number.isFinite(scoreAt(index)));
    order.sort((a, b) => scoreAt(b) - scoreAt(a));
    const best = order.slice(0, itemsWanted(batch[row]!));
    return rankedItems(best.map((index) => items[index] ?? 0), best.map(scoreAt), undefined);
  };
}

/** @throws {Error} where the model gave nothing usable: an empty answer would hide that */
function rankedItems(items: number[], scores: number[], confidence: number | undefined): RankedItems {
  if (items.length === 0) throw new Error('the model gave no item with a finite score');
  const rounded = { items, scores: roundTogether(scores) };
  if (confidence === undefined || !Number.isFinite(confidence)) return rounded;
  return { ...rounded, confidence: Math.round(confidence * 1e5) / 1e5 };
}
