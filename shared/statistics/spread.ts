import { median } from './quantile.ts';

/** Several measurements of one thing. */
export interface Spread {
  median: number;
  least: number;
  most: number;
}

/** NaN where there are no values; values that are not numbers are left out. */
export function spreadOf(values: readonly number[]): Spread {
  const known = values.filter((value) => !Number.isNaN(value));
  if (known.length === 0) return { median: NaN, least: NaN, most: NaN };
  return { median: median(known), least: Math.min(...known), most: Math.max(...known) };
}
