import type { Random } from '../clock/index.ts';
import { exponential } from './seeded-random.ts';

/** When requests are due. */
export interface Arrivals {
  /** Milliseconds from the start; every call the next one. Infinity: there are no more. */
  next(): number;
}

/** A Poisson process: independent users, whose number is large. */
export function poissonArrivals(perSecond: number, random: Random): Arrivals {
  let atMs = 0;
  return { next: () => (atMs += (exponential(random) * 1_000) / perSecond) };
}

/** How strong bursts are, and how long. */
export interface BurstOptions {
  /** Over bursts and quiet times. */
  perSecond: number;
  /** Rate in a burst, as a multiple of the mean; at least 1. @default 4 */
  peak?: number;
  /** Mean length of a burst; exponential. @default 100 */
  burstMs?: number;
  /** Rate between bursts, as a multiple of the mean; less than 1. @default 0 */
  quiet?: number;
}

/** A Markov-modulated Poisson process of two states: bursts and quiet times of exponential length, whose mean rate is as given. */
export function burstyArrivals({ perSecond, peak = 4, burstMs = 100, quiet = 0 }: BurstOptions, random: Random): Arrivals {
  if (!(peak > 1 && quiet >= 0 && quiet < 1)) throw new RangeError(`peak ${peak} must be above 1 and quiet ${quiet} from 0 to below 1`);
  const quietMs = (burstMs * (peak - 1)) / (1 - quiet);
  // As it would be found at any moment, so that short runs have the mean rate as well.
  let [atMs, inBurst] = [0, random() * (burstMs + quietMs) < burstMs];
  let endsMs = exponential(random) * (inBurst ? burstMs : quietMs);
  return {
    next() {
      for (;;) {
        // Exponential gaps have no memory: what is left of one at a change of state may be drawn anew.
        const dueMs = atMs + (exponential(random) * 1_000) / (perSecond * (inBurst ? peak : quiet));
        if (dueMs <= endsMs) return (atMs = dueMs);
        atMs = endsMs;
        inBurst = !inBurst;
        endsMs += exponential(random) * (inBurst ? burstMs : quietMs);
      }
    },
  };
}

/** How far the rate follows the time of day. */
export interface DiurnalOptions {
  /** Over a whole period. */
  perSecond: number;
  /** Of the mean by which the rate rises and falls, 0 to 1. @default 0.5 */
  amplitude?: number;
  /** @default a day */
  periodMs?: number;
}

const DAY_MS = 86_400_000;

/** A Poisson process whose rate follows a sine, lowest at the start (thinning: Lewis and Shedler, 1979). */
export function diurnalArrivals({ perSecond, amplitude = 0.5, periodMs = DAY_MS }: DiurnalOptions, random: Random): Arrivals {
  const highest = perSecond * (1 + amplitude);
  const rateAt = (ms: number) => perSecond * (1 - amplitude * Math.cos((2 * Math.PI * ms) / periodMs));
  let atMs = 0;
  return {
    next() {
      do atMs += (exponential(random) * 1_000) / highest;
      while (random() * highest > rateAt(atMs));
      return atMs;
    },
  };
}

/**
 * Arrivals as they were recorded.
 * @param timesMs ascending, of any origin; the first is due at once
 * @param speed 2: twice as fast
 */
export function recordedArrivals(timesMs: readonly number[], speed = 1): Arrivals {
  const first = timesMs[0] ?? 0;
  let index = 0;
  return { next: () => (index < timesMs.length ? (timesMs[index++]! - first) / speed : Infinity) };
}

/** At regular times. */
export function regularArrivals(perSecond: number): Arrivals {
  let count = 0;
  return { next: () => ((count += 1) * 1_000) / perSecond };
}
