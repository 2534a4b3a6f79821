import { median } from '@tandem/shared/statistics';
import { percent } from '../harness/format.ts';

/** By how much more than its base, over pairs of windows: 0.03 is three per cent. */
export interface Overhead {
  median: number;
  /** Of the median, with 95 % confidence. */
  from: number;
  to: number;
}

/** 1.96 standard deviations of a binomial count with p = 1/2. */
const HALF_WIDTH = 0.98;

/** The interval's ends are order statistics, so that it needs no distribution: Conover, Practical Nonparametric Statistics, 3.2. */
export function overheadOf(values: readonly number[], base: readonly number[]): Overhead {
  const ratios = values.map((value, index) => value / (base[index] ?? NaN) - 1).sort((a, b) => a - b);
  const below = Math.max(0, Math.floor(ratios.length / 2 - HALF_WIDTH * Math.sqrt(ratios.length)));
  return { median: median(ratios), from: ratios[below] ?? NaN, to: ratios[ratios.length - 1 - below] ?? NaN };
}

export function overheadText({ median: middle, from, to }: Overhead): string {
  return `${percent(middle)} (${percent(from)} … ${percent(to)})`;
}
