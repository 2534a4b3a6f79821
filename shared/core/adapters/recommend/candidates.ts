import type { RankedItems, RecommendFeatures, StepResult, Work } from '@tandem/schemas';

export interface CandidateList {
  items: readonly number[];
  scores?: readonly number[];
}

/** What a ranking step ranks: the result of a step before it, else the sender's own list; undefined: the catalogue. */
export function candidatesOf(work: Work): CandidateList | undefined {
  const { candidates, candidateScores } = featuresOf(work);
  const earlier = earlierItems(work);
  if (earlier !== undefined) return earlier;
  if (candidates === undefined || candidates.length === 0) return undefined;
  return candidateScores === undefined ? { items: candidates } : { items: candidates, scores: candidateScores };
}

export function featuresOf(work: Work): RecommendFeatures {
  return work.task.input as RecommendFeatures;
}

function earlierItems({ step, task, previous }: Work): RankedItems | undefined {
  const after = task.plan.steps.find(({ id }) => id === step)?.after ?? [];
  for (const id of after) {
    const end = previous[id];
    if (end?.kind === 'completed' && isRankedItems(end.result) && end.result.items.length > 0) return end.result;
  }
  return undefined;
}

export function isRankedItems(result: StepResult): result is RankedItems {
  return 'items' in result;
}
