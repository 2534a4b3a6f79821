import type { BatchTimePoint } from '@tandem/schemas';
import { monotone } from '../core/index.ts';
import type { ProfilePoint, VariantProfile } from './types.ts';

/** Median and its distance to the ninth decile: a mean and a deviation that single pauses do not move. */
function timeOf({ p50Ms, p90Ms }: ProfilePoint): number {
  return p50Ms + (p90Ms - p50Ms) / 2;
}

/**
 * What a batch takes by its size, before anything has been run: of the variant's first graph, at its middle length.
 */
export function curveOf({ points }: Pick<VariantProfile, 'points'>): BatchTimePoint[] {
  const graph = points[0]?.graph;
  const ofGraph = points.filter((point) => point.graph === graph);
  const lengths = [...new Set(ofGraph.map(({ length }) => length))].sort((a, b) => a - b);
  const middle = lengths[Math.floor((lengths.length - 1) / 2)];
  return [...monotone(ofGraph.filter(({ length }) => length === middle).map((point) => ({ size: point.batch, ms: timeOf(point), samples: point.samples })))];
}
