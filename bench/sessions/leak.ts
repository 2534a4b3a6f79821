export interface Leak {
  firstMb: number;
  middleMb: number;
  lastMb: number;
  /** Least squares over the second half: the first fills caches and arenas. */
  growthKbPerCycle: number;
}

/** @param residentMb after each cycle */
export function leakOf(residentMb: readonly number[]): Leak {
  const half = residentMb.slice(Math.floor(residentMb.length / 2));
  const mean = half.reduce((sum, mb) => sum + mb, 0) / half.length;
  const centre = (half.length - 1) / 2;
  const covariance = half.reduce((sum, mb, cycle) => sum + (cycle - centre) * (mb - mean), 0);
  const variance = half.reduce((sum, _, cycle) => sum + (cycle - centre) ** 2, 0);
  return {
    firstMb: residentMb[0] ?? NaN, middleMb: half[0] ?? NaN, lastMb: half.at(-1) ?? NaN,
    growthKbPerCycle: variance === 0 ? 0 : (1_024 * covariance) / variance,
  };
}
