import type { Random } from '@tandem/shared/clock';
import { lognormal } from '@tandem/shared/random';

/** The ways that a request's records take. */
export type Hop = 'requests' | 'tasks' | 'work' | 'outcomes' | 'responses';

/** From the send of a record until its reader has it, ms; drawn anew for each record. @param now of the send, ms */
export type HopTime = (random: Random, now: number) => number;

/** The ways through the log. */
export interface HopTimes extends Readonly<Record<Hop, HopTime>> {
  /** From when a request is due until the log has it, where its deadline begins. @default no time */
  readonly send?: HopTime;
}

/** No time at all: stages that are chained hand on in memory. */
export const IN_MEMORY = (): number => 0;

/** @param spread standard deviation of the logarithm around the median */
export function hopAround(medianMs: number, spread = 0.4): (random: Random) => number {
  return (random) => medianMs * lognormal(random, spread);
}

/** Gives what was measured at a moment. @param now virtual time, ms */
export type Playback<Sample> = (random: Random, now: number) => Sample;

/** Several recordings are played by turns of so long, ms. */
const TURN_MS = 250;

/**
 * What was measured, in the order in which it was, from a place that is drawn by lot: a collection of garbage or a core that others take
 * delays all records of that moment, not one here and one there. So records that follow each other arrive together after a stall, and do not
 * overtake each other more than they did.
 */
export function recorded<Sample extends { atMs: number }>(samples: readonly Sample[]): Playback<Sample> {
  if (samples.length === 0) throw new RangeError('nothing was measured');
  const sorted = samples.toSorted((a, b) => a.atMs - b.atMs);
  const startsAt = sorted[0]!.atMs;
  const lengthMs = Math.max(1, sorted.at(-1)!.atMs - startsAt);
  let offset: number | undefined;
  return (random, now) => {
    offset ??= random() * lengthMs;
    const at = startsAt + ((now + offset) % lengthMs);
    return sorted[firstFrom(sorted, at)]!;
  };
}

/** By turns the one or the other, so that what was measured together stays together. @param share of the second */
export function byTurns<Sample>(first: Playback<Sample>, second: Playback<Sample>, share: number): Playback<Sample> {
  let [turn, isSecond] = [-1, false];
  return (random, now) => {
    const current = Math.floor(now / TURN_MS);
    if (current !== turn) [turn, isSecond] = [current, random() < share];
    return (isSecond ? second : first)(random, now);
  };
}

/** Place of the first sample at or behind a time. */
function firstFrom(sorted: readonly { atMs: number }[], atMs: number): number {
  let [least, most] = [0, sorted.length - 1];
  while (least < most) {
    const middle = (least + most) >> 1;
    if (sorted[middle]!.atMs < atMs) least = middle + 1;
    else most = middle;
  }
  return least;
}

/** Five hops alike; with `chained` all stages but the workers in one process, so that only work and outcomes of workers travel. */
export function uniformHops(hop: HopTime, chained = false): HopTimes {
  return { requests: hop, tasks: chained ? IN_MEMORY : hop, work: hop, outcomes: hop, responses: hop };
}
