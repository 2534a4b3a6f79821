import { DEFAULT_PARTITIONS } from '@tandem/schemas';
import type { Random } from '@tandem/shared/clock';
import { poissonArrivals, seededRandom } from '@tandem/shared/random';
import { byTurns, measuredTimes, recorded, type BatchSample, type HopTimes, type Playback, type ServiceTimes } from '@tandem/simulator';
import { othersTogether, type CoresUsed } from './cores-used.ts';
import { demandsByRate, type DemandsByRate } from './demands.ts';
import { SESSION_TIMEOUT_MS, WORKERS } from './graded-cluster.ts';
import type { Answered, Tapped, TappedRun } from './tapped.ts';

/** What is measured once, before anything is predicted. */
export interface Calibration {
  /** By `model.precision`: what batches take with a core of their own, and how much that varies at so many requests per second. */
  timesAt(perSecond: number): ReadonlyMap<string, ServiceTimes>;
  /** The ways at so many requests per second: where the cores are short, they take longer too. */
  hopsAt(perSecond: number): HopTimes;
  /** Cores that everything but inference needs at so many requests per second, whether they are served or refused. */
  others: DemandsByRate;
  /** Of the requests' keys. */
  partitionShares: readonly number[];
  /** Requests per second, by `model.precision`, that saturate the workers. */
  capacityPerSecond: ReadonlyMap<string, number>;
  samples: Record<string, { size: number; meanMs: number; count: number }[]>;
  /** The runs that it rests on. */
  runs: readonly MeasuredRun[];
  /** That all of it got together where it wanted more than there are. */
  cores: number;
  detectionMs: number;
}

/** What a run took of the cores, and what came of it; requests per second. */
interface MeasuredRun {
  variant: string;
  offeredPerSecond: number;
  completePerSecond: number;
  cores: CoresUsed;
}

/** Runs of one variant: with next to nothing waiting, with a little more than can be done, and with so much that most is refused. */
export interface CalibrationRuns {
  variant: string;
  light: TappedRun;
  full: TappedRun;
  over: TappedRun;
}

const LIGHT_SHARE = 0.25;
/** A little more than can be done: with much more, refusing takes the cores that computing should have, and what is then answered is no capacity. */
const FULL_SHARE = 1.1;
/** What receiving and refusing costs is taken from here. */
const OVER_SHARE = 2;
/** Who answers less than this in full had more to do than it could. */
const SATURATED_BELOW = 0.95;
/** What lies between the request's record and its answer, beside dispatch and batch: a record read and decided on, and one read and merged. */
const BEFORE_SHARE = 0.5;

/** @param roughCapacity requests per second, of a burst */
export async function calibrationRuns(tapped: Tapped, variant: string, roughCapacity: number, { seconds, brokerPid, seed }: { seconds: number; brokerPid: number | undefined; seed: number }): Promise<CalibrationRuns> {
  const at = (share: number) => tapped.run({
    arrivals: poissonArrivals(share * roughCapacity, seededRandom(seed, `calibration ${variant} ${share}`)), seconds, partitions: DEFAULT_PARTITIONS, brokerPid,
  });
  // Light load last: what is warm by then is warm in all.
  const over = await at(OVER_SHARE);
  const full = await at(FULL_SHARE);
  return { variant, over, full, light: await at(LIGHT_SHARE) };
}

/** Batches, not requests: a batch of n comes n times among the answers. */
function batchesOf(answers: readonly Answered[], variant: string, slowdown: number): BatchSample[] {
  const bySize = Map.groupBy(answers.filter((answer) => answer.variant === variant && answer.batchSize > 0), ({ batchSize, computeMs }) => `${batchSize} ${computeMs}`);
  return [...bySize.values()].flatMap((same) => {
    const { batchSize, computeMs } = same[0]!;
    return Array.from({ length: Math.max(1, Math.round(same.length / batchSize)) }, () => ({ size: batchSize, ms: computeMs / slowdown }));
  });
}

const runsOf = ({ light, full, over }: CalibrationRuns): TappedRun[] => [light, full, over];

function isSaturated({ answers, figures: { offered } }: TappedRun): boolean {
  return answers.filter(({ status }) => status === 'complete').length < SATURATED_BELOW * offered;
}

/**
 * How much longer batches took than they would have with a core of their own: time that sessions were busy ÷ their CPU time. Of a run that is not
 * saturated each batch is told of by an answer; of one that is, some end too late for that, but sessions have something to do all the time.
 */
function slowdownOf(run: TappedRun): number {
  const busy = run.answers.reduce((sum, { batchSize, computeMs }) => sum + (batchSize > 0 ? computeMs / batchSize : 0), 0) / 1_000 / run.seconds;
  return Math.max(1, (isSaturated(run) ? WORKERS : busy) / run.cores.inference);
}

/**
 * Of the two runs on either side of a rate, or of all: where many threads want the cores, it is chance how long a batch waits for its turns.
 * @throws {Error} where nothing was answered
 */
function batchesAround(runs: CalibrationRuns, perSecond?: number): BatchSample[] {
  const { variant, light, full } = runs;
  const chosen = perSecond === undefined ? runsOf(runs) : neighbours(runsOf(runs), perSecond);
  const all = chosen.flatMap((run) => batchesOf(run.answers, variant, slowdownOf(run)));
  if (all.length > 0) return all;
  if (perSecond !== undefined) return batchesAround(runs);
  throw new Error(`${variant}: nothing was answered in time at ${Math.round(light.figures.offeredPerSecond)} to ${Math.round(full.figures.offeredPerSecond)} requests/s: this machine is too busy to measure on, or too slow for this --slo-ms`);
}

/** The last one below a rate and the first one above it; at the ends the same twice. */
function neighbours(runs: readonly TappedRun[], perSecond: number): [TappedRun, TappedRun] {
  const sorted = runs.toSorted((a, b) => a.figures.offeredPerSecond - b.figures.offeredPerSecond);
  const above = sorted.findIndex(({ figures }) => figures.offeredPerSecond >= perSecond);
  return [sorted.at(above < 0 ? -1 : Math.max(0, above - 1))!, sorted.at(above)!];
}

/** @param cores of the machine that everything shares */
export function calibrate(runs: readonly CalibrationRuns[], cores: number): Calibration {
  const samples = Object.fromEntries(runs.map((one) => [one.variant, summary(batchesAround(one))]));
  const measured = runs.flatMap((one) => runsOf(one).map((run) => measuredRun(one.variant, run)));
  const all = runs.flatMap(runsOf);
  return {
    samples, runs: measured, hopsAt: (perSecond) => hopsOf(runs, perSecond), timesAt: (perSecond) => new Map(runs.map((one) => [one.variant, measuredTimes(batchesAround(one, perSecond))])),
    others: demandsByRate(measured.map(({ offeredPerSecond, cores: { others } }) => ({ perSecond: offeredPerSecond, cores: others }))), partitionShares: runs[0]!.full.partitionShares,
    capacityPerSecond: new Map(runs.map(({ variant, full }) => [variant, measuredRun(variant, full).completePerSecond])), cores: coresOf(all, cores), detectionMs: SESSION_TIMEOUT_MS,
  };
}

function measuredRun(variant: string, { answers, seconds, cores, figures: { offeredPerSecond } }: TappedRun): MeasuredRun {
  return { variant, offeredPerSecond, completePerSecond: answers.filter(({ status }) => status === 'complete').length / seconds, cores };
}

/** What all got together where there was more to do than cores: some of those that the machine says it has go to nobody that is looked at. */
function coresOf(runs: readonly TappedRun[], cores: number): number {
  const used = runs.filter(isSaturated).map((run) => run.cores.inference + othersTogether(run.cores));
  return used.length === 0 ? cores : Math.min(cores, Math.max(...used));
}

/** A request's ways, ms, and when it was due. */
interface Ways {
  atMs: number;
  sendMs: number;
  /** From the broker's time until its answer was made, beside the way to the worker, the wait there and the batch. */
  betweenMs: number;
  backMs: number;
}

function waysOf({ answers }: TappedRun): Ways[] {
  return answers.filter(({ status, batchSize }) => status === 'complete' && batchSize > 0)
    .map(({ dueMs, latencyMs, sendMs, backMs, queueMs, computeMs }) => ({ atMs: dueMs, sendMs, backMs, betweenMs: Math.max(0, latencyMs - sendMs - backMs - queueMs - computeMs) }));
}

/** At a rate between two runs their recordings are played by turns. Played, not drawn: stalls delay neighbours together. */
function waysAt(runs: readonly CalibrationRuns[], perSecond: number): Playback<Ways> {
  const [lower, upper] = neighbours(runs.flatMap(runsOf).filter((run) => waysOf(run).length > 0), perSecond);
  const [low, high] = [lower, upper].map(({ figures }) => figures.offeredPerSecond) as [number, number];
  return byTurns(recorded(waysOf(lower)), recorded(waysOf(upper)), lower === upper ? 0 : (perSecond - low) / (high - low));
}

/**
 * From what requests say. How long the way to the worker takes cannot be told from the wait there; it is a record written by one process and read by
 * another, as the way back is, and at the same moment takes as long.
 */
function hopsOf(runs: readonly CalibrationRuns[], perSecond: number): HopTimes {
  const ways = waysAt(runs, perSecond);
  const back = (random: Random, now: number) => (1 - BEFORE_SHARE) * ways(random, now).betweenMs;
  return {
    send: (random, now) => ways(random, now).sendMs, requests: (random, now) => BEFORE_SHARE * ways(random, now).betweenMs, tasks: () => 0,
    work: back, outcomes: back, responses: (random, now) => ways(random, now).backMs,
  };
}

function summary(samples: readonly BatchSample[]): { size: number; meanMs: number; count: number }[] {
  const bySize = Map.groupBy(samples, ({ size }) => 2 ** Math.ceil(Math.log2(size)));
  return [...bySize].sort(([a], [b]) => a - b).map(([size, some]) => ({ size, count: some.length, meanMs: some.reduce((sum, { ms }) => sum + ms, 0) / some.length }));
}
