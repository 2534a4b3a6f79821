import { DEFAULT_PARTITIONS } from '@tandem/schemas';
import { poissonArrivals, seededRandom } from '@tandem/shared/random';
import { measuredHop, measuredTimes, mixedHops, recordedHop, type BatchSample, type HopTimes, type ServiceTimes, type TimedSample } from '@tandem/simulator';
import { SESSION_TIMEOUT_MS } from './graded-cluster.ts';
import type { Answered, Tapped, TappedRun } from './tapped.ts';

/** What is measured once, before anything is predicted. */
export interface Calibration {
  /** By `model.precision`: what batches take alone on the cores. */
  times: ReadonlyMap<string, ServiceTimes>;
  /** The ways at so many requests per second: where the cores are short, they take longer too. */
  hopsAt(perSecond: number): HopTimes;
  /** Cores that everything but inference takes: a fixed part, and one per request and second. */
  others: { fixedCores: number; secondsPerRequest: number };
  /** Of the requests' keys. */
  partitionShares: readonly number[];
  /** Requests per second, by `model.precision`, that saturate the workers. */
  capacityPerSecond: ReadonlyMap<string, number>;
  samples: Record<string, { size: number; meanMs: number; count: number }[]>;
  cores: number;
  detectionMs: number;
}

/** Two runs of one variant: with next to nothing waiting, and with more than can be done. */
export interface CalibrationRuns {
  variant: string;
  light: TappedRun;
  full: TappedRun;
}

const LIGHT_SHARE = 0.25;
/** A little more than can be done: with much more, refusing takes the cores that computing should have, and what is then answered is no capacity. */
const FULL_SHARE = 1.1;
/** Of what goes on beside the worker, this much comes before the dispatch: a request is read, sensed and decided on, and then merged and answered. */
const BEFORE_SHARE = 0.6;

/** @param roughCapacity requests per second, of a burst */
export async function calibrationRuns(tapped: Tapped, variant: string, roughCapacity: number, { seconds, brokerPid, seed }: { seconds: number; brokerPid: number | undefined; seed: number }): Promise<CalibrationRuns> {
  const at = (share: number) => tapped.run({
    arrivals: poissonArrivals(share * roughCapacity, seededRandom(seed, `calibration ${variant} ${share}`)), seconds, partitions: DEFAULT_PARTITIONS, brokerPid,
  });
  return { variant, light: await at(LIGHT_SHARE), full: await at(FULL_SHARE) };
}

/** Batches, not requests: a batch of n comes n times among the answers. */
function batchesOf(answers: readonly Answered[], variant: string, slowdown: number): BatchSample[] {
  const bySize = Map.groupBy(answers.filter((answer) => answer.variant === variant && answer.batchSize > 0), ({ batchSize, computeMs }) => `${batchSize} ${computeMs}`);
  return [...bySize.values()].flatMap((same) => {
    const { batchSize, computeMs } = same[0]!;
    return Array.from({ length: Math.max(1, Math.round(same.length / batchSize)) }, () => ({ size: batchSize, ms: computeMs / slowdown }));
  });
}

/**
 * How much longer batches took than they would have with a core of their own: session time ÷ CPU time of inference, which is what the workers took
 * less what else they do for a request, as lightly loaded ones show it.
 */
function slowdownsOf({ variant, light, full }: CalibrationRuns): { light: number; full: number } {
  const sessionCores = (run: TappedRun) => run.answers.reduce((sum, answer) => sum + (answer.variant === variant ? answer.computeMs / answer.batchSize : 0), 0) / 1_000 / run.seconds;
  const answered = (run: TappedRun) => run.answers.filter((answer) => answer.variant === variant).length / run.seconds;
  const besidesPerRequest = Math.max(0, light.workerCores - sessionCores(light)) / answered(light);
  const inferenceCores = full.workerCores - besidesPerRequest * answered(full);
  return { light: 1, full: Math.max(1, sessionCores(full) / Math.max(inferenceCores, 0.5 * full.workerCores)) };
}

/** @param cores of the machine that everything shares */
export function calibrate(runs: readonly CalibrationRuns[], cores: number): Calibration {
  const others = othersOf(runs);
  const times = new Map<string, ServiceTimes>();
  const samples: Calibration['samples'] = {};
  for (const one of runs) {
    const { variant, light, full } = one;
    const slowdowns = slowdownsOf(one);
    const all = [...batchesOf(light.answers, variant, slowdowns.light), ...batchesOf(full.answers, variant, slowdowns.full)];
    if (all.length === 0) throw new Error(`${variant}: nothing was answered in time at ${Math.round(light.figures.offeredPerSecond)} requests/s: this machine is too busy to measure on, or too slow for this --slo-ms`);
    times.set(variant, measuredTimes(all));
    samples[variant] = summary(all);
  }
  const capacities = runs.map(({ variant, full }) => [variant, full.answers.filter(({ status }) => status === 'complete').length / full.answers.length * full.figures.offeredPerSecond] as const);
  const shares = runs[0]!.full.partitionShares;
  return { times, hopsAt: (perSecond) => hopsOf(runs, perSecond), others, partitionShares: shares, capacityPerSecond: new Map(capacities), samples, cores, detectionMs: SESSION_TIMEOUT_MS };
}

function othersOf(runs: readonly CalibrationRuns[]): Calibration['others'] {
  const points = runs.flatMap(({ light, full }) => [light, full]).map(({ figures, otherCores }) => ({ x: figures.offeredPerSecond, y: otherCores }));
  const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [meanOf(points.map(({ x }) => x)), meanOf(points.map(({ y }) => y))];
  const slope = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  const secondsPerRequest = Math.max(0, slope);
  return { secondsPerRequest, fixedCores: Math.max(0, meanY - secondsPerRequest * meanX) };
}

/** What a request takes beside its batch and what comes between dispatch and batch, and when it was due. */
function besides({ answers }: TappedRun): TimedSample[] {
  return answers.filter(({ status, batchSize }) => status === 'complete' && batchSize > 0)
    .map(({ dueMs, latencyMs, queueMs, computeMs }) => ({ atMs: dueMs, ms: Math.max(0, latencyMs - queueMs - computeMs) }));
}

/**
 * From what requests say: of lightly loaded ones, dispatch to batch is the way to the worker; the rest beside the batch is all else, at a rate
 * between the two runs played from the one or the other by turns. Played, not drawn: stalls delay neighbours together.
 */
function hopsOf(runs: readonly CalibrationRuns[], perSecond: number): HopTimes {
  const alone = runs.flatMap(({ light }) => light.answers).filter(({ status, batchSize }) => status === 'complete' && batchSize === 1);
  const ways = alone.map(({ queueMs }) => queueMs).sort((a, b) => a - b);
  // The slower half has waited for a session, which the simulator adds by itself.
  const work = measuredHop(ways.slice(0, Math.ceil(ways.length / 2)));
  const light = recordedHop(besides(runs[0]!.light));
  const fullTimes = besides(runs[0]!.full);
  const full = fullTimes.length === 0 ? light : recordedHop(fullTimes);
  const meanRate = (of: (run: CalibrationRuns) => TappedRun) => runs.reduce((sum, run) => sum + of(run).figures.offeredPerSecond, 0) / runs.length;
  const [low, high] = [meanRate((run) => run.light), meanRate((run) => run.full)];
  const rest = mixedHops(light, full, Math.min(1, Math.max(0, (perSecond - low) / (high - low))));
  const zero = () => 0;
  // The same moment's times before the dispatch and after the batch.
  return { requests: (random, now) => BEFORE_SHARE * rest(random, now), tasks: zero, work, outcomes: zero, responses: (random, now) => (1 - BEFORE_SHARE) * rest(random, now) };
}

function summary(samples: readonly BatchSample[]): { size: number; meanMs: number; count: number }[] {
  const bySize = Map.groupBy(samples, ({ size }) => 2 ** Math.ceil(Math.log2(size)));
  return [...bySize].sort(([a], [b]) => a - b).map(([size, some]) => ({ size, count: some.length, meanMs: some.reduce((sum, { ms }) => sum + ms, 0) / some.length }));
}
