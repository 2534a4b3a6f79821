import type { RankedItems, Variant, Work } from '@tandem/schemas';
import type { InvocationResult } from '../../../engine/types.ts';
import { namedTensor } from '../named-tensor.ts';
import { floatsOf } from '../numbers.ts';
import { BestItems } from './best-items.ts';
import { candidatesOf, featuresOf } from './candidates.ts';
import { inGivenOrder, popularItems } from './without-model.ts';

/** As many as the candidate models give. */
const MOST_ITEMS = 100;
/** Of the row that is being decoded. */
const best = new BestItems();
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
    const ranked = best.first(itemsWanted(batch[row]!), items, scores, row * width, width);
    const confidence = confidences?.[row] ?? NaN;
    return Number.isFinite(confidence) ? { ...ranked, confidence: Math.round(confidence * 1e5) / 1e5 } : ranked;
  };
}

/** The graph that scores a given list. */
function rankedRows(batch: readonly Work[], outputs: InvocationResult['outputs']): (row: number) => RankedItems {
  const tensor = namedTensor(outputs, 'rank', 'scores');
  const scores = floatsOf(tensor);
  const width = tensor.dims[1] ?? 0;
  return (row) => best.highest(itemsWanted(batch[row]!), candidatesOf(batch[row]!)?.items ?? [], scores, row * width);
}
