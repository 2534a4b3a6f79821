import { performance } from 'node:perf_hooks';
import type { Variant } from '@tandem/schemas';
import type { LoadedVariant } from '../engine/index.ts';
import { quantiles } from '../statistics/index.ts';
import { dimensionsOf, fillInputs, hasLength } from './inputs.ts';
import type { ProfilePoint } from './types.ts';

/** What is measured of each graph. */
export interface ProfileGrid {
  batches: readonly number[];
  /** Shares of the longest sequence. */
  lengths: readonly number[];
  /** At least so many batches, whatever they take. */
  fewestSamples: number;
  mostSamples: number;
}

/** What `tandem profile` measures: minutes for a registry of some variants. */
export const FULL_GRID: ProfileGrid = { batches: [1, 2, 4, 8, 16, 32, 64], lengths: [0.125, 0.5, 1], fewestSamples: 5, mostSamples: 100 };
/** What a worker measures when it starts without a profile: seconds. */
export const QUICK_GRID: ProfileGrid = { batches: [1, 8, 32], lengths: [0.5], fewestSamples: 3, mostSamples: 20 };

/** How much is measured, for how long, and who hears how far it is. */
export interface MeasureOptions {
  grid: ProfileGrid;
  /** For all points together, unless their fewest samples take longer, ms. */
  budgetMs: number;
  progress?: (point: { graph: string; batch: number; length: number; done: number; all: number }) => void;
}

interface Spot {
  graph: string;
  batch: number;
  length: number;
}

export interface Measured {
  points: ProfilePoint[];
  warmUpMs: number;
}

/** The window of a sequence model; 64 where the registry does not say. */
function longest({ limits }: Variant): number {
  return limits['maxLength'] ?? 64;
}

function spotsOf({ variant, held = {} }: LoadedVariant, { batches, lengths }: ProfileGrid): Spot[] {
  const heldInputs = new Set(Object.keys(held));
  return Object.entries(variant.graphs).flatMap(([graph, spec]) => {
    const ofGraph = hasLength(spec, heldInputs) ? lengths.map((share) => Math.max(1, Math.round(share * longest(variant)))) : [1];
    return ofGraph.flatMap((length) => batches.map((batch) => ({ graph, batch, length })));
  });
}

/**
 * Times batches of every size and length on every graph of a loaded variant, one at a time.
 * @throws what the engine throws on a graph that will not run on made-up input
 */
export async function measureVariant(loaded: LoadedVariant, { grid, budgetMs, progress }: MeasureOptions): Promise<Measured> {
  const spots = spotsOf(loaded, grid);
  const endsAt = performance.now() + budgetMs;
  const points: ProfilePoint[] = [];
  const seen = new Set<string>();
  let warmUpMs = 0;
  for (const [index, spot] of spots.entries()) {
    progress?.({ ...spot, done: index, all: spots.length });
    const spotMs = Math.max(0, endsAt - performance.now()) / (spots.length - index);
    const [firstMs, ...times] = await timesAt(loaded, spot, grid, spotMs);
    const point = pointOf(spot, times);
    points.push(point);
    if (!seen.has(spot.graph)) warmUpMs += Math.max(0, firstMs! - point.p50Ms);
    seen.add(spot.graph);
  }
  return { points, warmUpMs };
}

/** The first is a warm-up. */
async function timesAt(loaded: LoadedVariant, { graph, batch, length }: Spot, { fewestSamples, mostSamples }: ProfileGrid, spotMs: number): Promise<number[]> {
  const { variant, held = {} } = loaded;
  const times: number[] = [];
  const endsAt = performance.now() + spotMs;
  while (times.length <= fewestSamples || (times.length <= mostSamples && performance.now() < endsAt)) {
    const invocation = await loaded.prepare(graph, dimensionsOf(variant.graphs[graph]!, new Set(Object.keys(held)), batch, length));
    try {
      fillInputs(invocation.inputs, variant);
      times.push((await invocation.run()).computeMs);
    } finally {
      invocation.release();
    }
  }
  return times;
}

function pointOf(spot: Spot, times: readonly number[]): ProfilePoint {
  const [p50Ms = 0, p90Ms = 0, p99Ms = 0] = quantiles(times, 0.5, 0.9, 0.99).map(rounded);
  const meanMs = rounded(times.reduce((sum, ms) => sum + ms, 0) / times.length);
  return { ...spot, samples: times.length, meanMs, p50Ms, p90Ms, p99Ms };
}

function rounded(ms: number): number {
  return Math.round(ms * 10_000) / 10_000;
}
