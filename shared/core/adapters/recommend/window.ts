import type { RecommendFeatures, Variant } from '@tandem/schemas';

const DEFAULT_WINDOW = 64;

/**
 * How many of the newest items are served to the model. Up to 2W interactions: all; else the last W + (n − W) mod W,
 * so a history grows step by step and is then rebuilt from its last W: what has been computed for a prefix stays
 * valid in between. Models are trained for exactly these lengths.
 * @param variant `limits.window` is W (default 64), `limits.maxLength` the longest history (default 2W)
 */
export function servedLength({ history, total }: RecommendFeatures, { limits }: Pick<Variant, 'limits'>): number {
  const window = limits['window'] ?? DEFAULT_WINDOW;
  const longest = limits['maxLength'] ?? 2 * window;
  const known = Math.max(total, history.length);
  const served = known <= longest ? known : window + ((known - window) % window);
  return Math.min(served, history.length);
}
