import type { Random } from '@tandem/shared/clock';
import { exponential } from '@tandem/shared/random';

/** When a request is due. */
export interface Arrivals {
  /** Milliseconds from the start; every call the next one. */
  next(): number;
}

/** A Poisson process: independent users, whose number is large. */
export function poissonArrivals(perSecond: number, random: Random): Arrivals {
  let atMs = 0;
  return { next: () => (atMs += (exponential(random) * 1_000) / perSecond) };
}

/** All at once. */
export const burst: Arrivals = { next: () => 0 };
