import type { Random } from '@tandem/shared/clock';
import { lognormal } from '@tandem/shared/random';

/** The ways that a request's records take. */
export type Hop = 'requests' | 'tasks' | 'work' | 'outcomes' | 'responses';

/** One way through the log, from the send of a record until its reader has it, ms; drawn anew for each record. */
export type HopTimes = Readonly<Record<Hop, (random: Random) => number>>;

/** No time at all: stages that are chained hand on in memory. */
export const IN_MEMORY = (): number => 0;

/** @param spread standard deviation of the logarithm around the median */
export function hopAround(medianMs: number, spread = 0.4): (random: Random) => number {
  return (random) => medianMs * lognormal(random, spread);
}

/** One of the times that were measured. */
export function measuredHop(samplesMs: readonly number[]): (random: Random) => number {
  if (samplesMs.length === 0) throw new RangeError('no hop was measured');
  return (random) => samplesMs[Math.floor(random() * samplesMs.length)]!;
}

/** Five hops alike; with `chained` all stages but the workers in one process, so that only work and outcomes of workers travel. */
export function uniformHops(hop: (random: Random) => number, chained = false): HopTimes {
  return { requests: hop, tasks: chained ? IN_MEMORY : hop, work: hop, outcomes: hop, responses: hop };
}
