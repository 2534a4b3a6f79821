import { median } from '@tandem/shared/statistics';

export type Point = readonly [x: number, y: number];

export interface Trend {
  median: number;
  /** Theil–Sen: the median of the slopes of all pairs of points, per unit of x. One point in four may be wild. */
  slope: number;
  /** The slope over the whole range of x. */
  growth: number;
  flat: boolean;
}

/** @param tolerance growth up to which it counts as flat */
export function trendOf(points: readonly Point[], tolerance: (median: number) => number): Trend {
  const slopes = points.flatMap(([x, y], index) => points.slice(index + 1).filter(([other]) => other !== x).map(([other, value]) => (value - y) / (other - x)));
  // Where nothing was measured, nothing grows.
  const slope = median(slopes, 0);
  const growth = slope * ((points.at(-1)?.[0] ?? 0) - (points[0]?.[0] ?? 0));
  const middle = median(points.map(([, y]) => y), 0);
  return { median: middle, slope, growth, flat: growth <= tolerance(middle) };
}
