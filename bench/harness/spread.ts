/** Several measurements of one thing. */
export interface Spread {
  median: number;
  least: number;
  most: number;
}

/**
 * Linear between the two nearest ranks (Hyndman and Fan's type 7).
 * @param share 0 to 1
 * @returns NaN where there are no values
 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  const place = share * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? NaN;
  const above = sorted[Math.ceil(place)] ?? NaN;
  return below + (above - below) * (place - Math.floor(place));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** NaN where there are no values; values that are not numbers are left out. */
export function spreadOf(values: readonly number[]): Spread {
  const known = values.filter((value) => !Number.isNaN(value));
  if (known.length === 0) return { median: NaN, least: NaN, most: NaN };
  return { median: median(known), least: Math.min(...known), most: Math.max(...known) };
}
