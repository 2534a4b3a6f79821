import type { Random } from '@tandem/shared/clock';
import { burstyArrivals, poissonArrivals, type Arrivals } from '@tandem/shared/random';
import type { ArrivingRequest } from './strategies.ts';

/** Lengths of histories. */
export const MIXES: Readonly<Record<string, (random: Random) => number>> = {
  short: (random) => 1 + Math.floor(random() * 32),
  long: (random) => 65 + Math.floor(random() * 64),
  mixed: (random) => (random() < 0.5 ? 1 + Math.floor(random() * 32) : 65 + Math.floor(random() * 64)),
};

/** Of the same mean rate. */
export const PROCESSES: Readonly<Record<string, (perSecond: number, random: Random) => Arrivals>> = {
  poisson: poissonArrivals,
  bursty: (perSecond, random) => burstyArrivals({ perSecond }, random),
};

export interface TrafficOptions {
  process: string;
  mix: string;
  perSecond: number;
  seconds: number;
  sloMs: number;
}

export function arrivalsOf({ process, mix, perSecond, seconds, sloMs }: TrafficOptions, random: Random): ArrivingRequest[] {
  const arrivals = PROCESSES[process]!(perSecond, random);
  const lengthOf = MIXES[mix]!;
  const requests: ArrivingRequest[] = [];
  for (let at = arrivals.next(); at < seconds * 1_000; at = arrivals.next()) requests.push({ at, length: lengthOf(random), deadlineAt: at + sloMs });
  return requests;
}
