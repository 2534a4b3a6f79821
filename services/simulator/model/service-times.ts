import { lognormal } from '@tandem/shared/random';
import type { Random } from '@tandem/shared/clock';

/** How long batches of one kind of work take on one machine. */
export interface ServiceTimes {
  /** Drawn anew for each batch, ms. */
  draw(size: number, random: Random): number;
  /** ms */
  mean(size: number): number;
}

export interface CurvePoint {
  size: number;
  /** ms */
  ms: number;
}

/** Between points in proportion; beyond the last as it says per request; before the first as the first. */
function interpolated(points: readonly CurvePoint[], size: number): number {
  const above = points.findIndex((point) => point.size >= size);
  const upper = points[above];
  const last = points.at(-1)!;
  if (upper === undefined) return (last.ms * size) / last.size;
  const lower = points[above - 1];
  if (lower === undefined) return upper.ms;
  return lower.ms + ((upper.ms - lower.ms) * (size - lower.size)) / (upper.size - lower.size);
}

/**
 * A measured curve t(batch).
 * @param spread standard deviation of the times' logarithm around it; 0: always the same
 */
export function curveTimes(points: readonly CurvePoint[], spread = 0): ServiceTimes {
  const sorted = points.toSorted((a, b) => a.size - b.size);
  if (sorted.length === 0) throw new RangeError('a curve needs a point at least');
  const known: number[] = [];
  const median = (size: number) => (known[size] ??= interpolated(sorted, size));
  const correction = Math.exp((spread * spread) / 2);
  return {
    draw: spread === 0 ? (size) => median(size) : (size, random) => (median(size) / correction) * lognormal(random, spread),
    mean: median,
  };
}

/** t(b) = fixed + each · b, the usual shape of accelerators. */
export function linearTimes(fixedMs: number, eachMs: number, spread = 0): ServiceTimes {
  return curveTimes(Array.from({ length: 128 }, (_, index) => ({ size: index + 1, ms: fixedMs + eachMs * (index + 1) })), spread);
}

/** Other times by the same machine: a slower one, or one of another kind. */
export function scaledTimes(times: ServiceTimes, factor: number): ServiceTimes {
  return { draw: (size, random) => times.draw(size, random) * factor, mean: (size) => times.mean(size) * factor };
}

export interface BatchSample {
  size: number;
  /** ms */
  ms: number;
}

interface Cell {
  size: number;
  /** Ascending. */
  ms: number[];
}

/**
 * Times as they were measured, quantile by quantile: batches of sizes 1, 2, 3–4, 5–8 … share their samples, per request where they differ.
 * Cells of fewer than `fewest` samples are left to their neighbours.
 */
export function measuredTimes(samples: readonly BatchSample[], fewest = 5): ServiceTimes {
  const cells = cellsOf(samples, fewest);
  const curves = cells.map(({ size, ms }) => ({ size, ms: ms.reduce((sum, one) => sum + one, 0) / ms.length }));
  const times = curveTimes(curves);
  return {
    mean: (size) => times.mean(size),
    draw(size, random) {
      const cell = nearest(cells, size);
      const drawn = cell.ms[Math.floor(random() * cell.ms.length)]!;
      return drawn * (times.mean(size) / times.mean(cell.size));
    },
  };
}

function cellsOf(samples: readonly BatchSample[], fewest: number): Cell[] {
  const bySize = new Map<number, BatchSample[]>();
  for (const sample of samples) {
    const index = Math.ceil(Math.log2(sample.size));
    const known = bySize.get(index);
    if (known === undefined) bySize.set(index, [sample]);
    else known.push(sample);
  }
  const all = [...bySize.values()].map((cell) => ({
    size: cell.reduce((sum, { size }) => sum + size, 0) / cell.length,
    ms: cell.map(({ ms }) => ms).sort((a, b) => a - b),
  }));
  const enough = all.filter(({ ms }) => ms.length >= fewest);
  return (enough.length > 0 ? enough : all).sort((a, b) => a.size - b.size);
}

function nearest(cells: readonly Cell[], size: number): Cell {
  let best = cells[0]!;
  for (const cell of cells) if (Math.abs(Math.log(cell.size / size)) < Math.abs(Math.log(best.size / size))) best = cell;
  return best;
}
