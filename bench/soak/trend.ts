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
  const slope = median(slopes);
  const growth = slope * ((points.at(-1)?.[0] ?? 0) - (points[0]?.[0] ?? 0));
  const middle = median(points.map(([, y]) => y));
  return { median: middle, slope, growth, flat: growth <= tolerance(middle) };
}

/** 0 where there is nothing. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** 0 where there is nothing. */
export function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ?? 0;
}
