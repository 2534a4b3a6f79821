import type { BatchTimePoint } from '@tandem/schemas';
import { monotone } from './batch-curve.ts';

/** Batches behind this many say no more: every worker counts. */
const MOST_WEIGHT = 20;

interface Cell {
  size: number;
  ms: number;
  weight: number;
  samples: number;
}

/**
 * What batches take at workers that are alike: sizes 1, 2, 3–4, 5–8 … are pooled by what their batches say. A worker that has run only large ones says
 * nothing of small ones: what it would be taken to say, its smallest, once made a light variant look ten times as dear as it was.
 * @param curves of each worker
 */
export function pooledCurve(curves: readonly (readonly BatchTimePoint[])[]): readonly BatchTimePoint[] {
  const known = curves.filter(({ length }) => length > 0);
  if (known.length <= 1) return known[0] ?? [];
  const cells = new Map<number, Cell>();
  for (const { size, ms, samples } of known.flat()) {
    const index = Math.ceil(Math.log2(size) - 0.25);
    const weight = Math.min(MOST_WEIGHT, samples);
    const cell = cells.get(index) ?? { size: 0, ms: 0, weight: 0, samples: 0 };
    cells.set(index, { size: cell.size + weight * size, ms: cell.ms + weight * ms, weight: cell.weight + weight, samples: cell.samples + samples });
  }
  return monotone([...cells.values()].map(({ size, ms, weight, samples }) => ({ size: size / weight, ms: ms / weight, samples })));
}
