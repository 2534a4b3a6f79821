import type { Random } from '@tandem/shared/clock';
import { exponential } from '@tandem/shared/random';
import type { ArrivingRequest } from './strategies.ts';

/** Lengths of histories. */
export const MIXES: Readonly<Record<string, (random: Random) => number>> = {
  short: (random) => 1 + Math.floor(random() * 32),
  long: (random) => 65 + Math.floor(random() * 64),
  mixed: (random) => (random() < 0.5 ? 1 + Math.floor(random() * 32) : 65 + Math.floor(random() * 64)),
};

const BURST = 4;
const MEAN_BURST_MS = 100;

/** Gaps between arrivals, ms, of the same mean rate. */
export const PROCESSES: Readonly<Record<string, (perSecond: number, random: Random) => () => number>> = {
  poisson: (perSecond, random) => () => (exponential(random) * 1_000) / perSecond,
  bursty,
};

/** A quarter of the time four times the rate, else nothing: a Markov-modulated Poisson process. */
function bursty(perSecond: number, random: Random): () => number {
  let leftMs = exponential(random) * MEAN_BURST_MS;
  return () => {
    let gapMs = (exponential(random) * 1_000) / (BURST * perSecond);
    let quietMs = 0;
    while (gapMs > leftMs) {
      gapMs -= leftMs;
      quietMs += leftMs + exponential(random) * MEAN_BURST_MS * (BURST - 1);
      leftMs = exponential(random) * MEAN_BURST_MS;
    }
    leftMs -= gapMs;
    return quietMs + gapMs;
  };
}

export interface TrafficOptions {
  process: string;
  mix: string;
  perSecond: number;
  seconds: number;
  sloMs: number;
}

export function arrivalsOf({ process, mix, perSecond, seconds, sloMs }: TrafficOptions, random: Random): ArrivingRequest[] {
  const gap = PROCESSES[process]!(perSecond, random);
  const lengthOf = MIXES[mix]!;
  const requests: ArrivingRequest[] = [];
  for (let at = gap(); at < seconds * 1_000; at += gap()) requests.push({ at, length: lengthOf(random), deadlineAt: at + sloMs });
  return requests;
}
