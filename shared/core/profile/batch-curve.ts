import type { BatchTimePoint } from '@tandem/schemas';

/** Means are of recent batches: what came before these no longer weighs. */
const MOST_WEIGHT = 20;

/**
 * Makes what batches take never fall with their size: neighbours that do are replaced by their mean, weighted by their samples
 * (pool adjacent violators, isotonic regression: Ayer et al., 1955).
 * @returns the points themselves where there is nothing to replace
 */
export function monotone(points: readonly BatchTimePoint[]): readonly BatchTimePoint[] {
  if (isMonotone(points)) return points;
  const blocks: BatchTimePoint[] = [];
  for (const point of points.toSorted((a, b) => a.size - b.size)) {
    let block = point;
    for (let last = blocks.at(-1); last !== undefined && last.ms > block.ms; last = blocks.at(-1)) {
      blocks.pop();
      block = pooled(last, block);
    }
    blocks.push(block);
  }
  return blocks;
}

/** As it mostly is, and asked for after each batch. */
function isMonotone(points: readonly BatchTimePoint[]): boolean {
  for (let index = 1; index < points.length; index += 1) {
    const [before, point] = [points[index - 1]!, points[index]!];
    if (point.size < before.size || point.ms < before.ms) return false;
  }
  return true;
}

function pooled(a: BatchTimePoint, b: BatchTimePoint): BatchTimePoint {
  const [weightA, weightB] = [Math.min(MOST_WEIGHT, a.samples), Math.min(MOST_WEIGHT, b.samples)];
  const mean = (ofA: number, ofB: number) => (ofA * weightA + ofB * weightB) / (weightA + weightB);
  return { size: mean(a.size, b.size), ms: mean(a.ms, b.ms), samples: a.samples + b.samples };
}

/**
 * What a batch of a size takes, ms; undefined where nothing is known. Smaller than measured: as the smallest measured, to be safe.
 * Larger: in proportion.
 * @param curve ascending in size and time
 */
export function batchMs(curve: readonly BatchTimePoint[], size: number): number | undefined {
  const { length } = curve;
  let above = 0;
  while (above < length && curve[above]!.size < size) above += 1;
  if (length === 0) return undefined;
  if (above === 0) return curve[0]!.ms;
  const lower = curve[above - 1]!;
  if (above === length) return (lower.ms * size) / lower.size;
  const upper = curve[above]!;
  return lower.ms + ((upper.ms - lower.ms) * (size - lower.size)) / (upper.size - lower.size);
}
