import type { RankedItems, RecommendFeatures, Variant } from '@tandem/schemas';
import type { CandidateList } from './candidates.ts';

/** The catalogue's most interacted items that the user does not have yet. Scores fall from 1 by rank. */
export function popularItems(features: RecommendFeatures, variants: readonly Variant[], most: number): RankedItems | undefined {
  const popular = variants.find(({ catalogue }) => (catalogue?.popular.length ?? 0) > 0)?.catalogue?.popular;
  if (popular === undefined) return undefined;
  const owned = new Set(features.history);
  const items = popular.filter((item) => !owned.has(item)).slice(0, most);
  return items.length === 0 ? undefined : { items, scores: fallingScores(items.length) };
}

/** A candidate list as its maker ordered it, with its scores where it has them. */
export function inGivenOrder({ items, scores }: CandidateList, most: number): RankedItems {
  const kept = items.slice(0, most);
  return { items: kept, scores: scores?.slice(0, most) ?? fallingScores(kept.length) };
}

function fallingScores(count: number): number[] {
  return Array.from({ length: count }, (_, index) => Math.round((1 - index / count) * 1e4) / 1e4);
}
