import { DEFAULT_PARTITIONS } from '@tandem/schemas';
import type { Random } from '@tandem/shared/clock';
import { poissonArrivals, seededRandom } from '@tandem/shared/random';
import { measuredTimes, type BatchSample, type HopTimes, type ServiceTimes } from '@tandem/simulator';
import { handOversOf } from './batch-log.ts';
import { busySessions, timesAlone } from './calibrated-times.ts';
import { hopsOf, neighbours, shareOfUpper } from './calibrated-ways.ts';
import { othersTogether, type CoresUsed } from './cores-used.ts';
import { demandsByRate, type DemandsByRate } from './demands.ts';
import { SESSION_TIMEOUT_MS } from './graded-cluster.ts';
import type { Tapped, TappedRun } from './tapped.ts';

/** What is measured once, before anything is predicted. */
export interface Calibration {
  /** By `model.precision`: what batches take with a core of their own, and how much that varies at so many requests per second. */
  timesAt(perSecond: number): ReadonlyMap<string, ServiceTimes>;
  /** From a batch's end until its worker's own thread has taken it and given the session the next one, at so many requests per second. */
  handOverAt(perSecond: number): (random: Random) => number;
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
  /** In which a group's members wait for its new assignment; by trial. */
  rebalanceMs: readonly number[];
}

/** What a run took of the cores, and what came of it; requests per second. */
interface MeasuredRun {
  variant: string;
  offeredPerSecond: number;
  completePerSecond: number;
  /** Of all steps that ran: their results came when their requests had been answered without them. */
  inVainShare: number;
  /** In the mean. */
  handOverMs: number;
  busySessions: number;
  cores: CoresUsed;
}

/** Runs of one variant: with next to nothing waiting, nearly busy, with a little more than can be done, and with so much that most is refused. */
export interface CalibrationRuns {
  variant: string;
  light: TappedRun;
  near: TappedRun;
  full: TappedRun;
  over: TappedRun;
}

/** What is known of the machine beside runs. */
export interface MachineFacts {
  /** That everything shares. */
  cores: number;
  rebalanceMs: readonly number[];
}

const LIGHT_SHARE = 0.25;
/** Of what was complete in the full run: where queues begin to count, and what runs at capacity has ways of that kind. */
const NEAR_SHARE = 0.85;
/** A little more than can be done: with much more, refusing takes the cores that computing should have, and what is then answered is no capacity. */
const FULL_SHARE = 1.1;
/** What receiving and refusing costs is taken from here. */
const OVER_SHARE = 2;
/** Where sessions rarely have more to do at once, the few times say nothing of how long it takes. */
const FEWEST_HAND_OVERS = 20;
/** Code is still being compiled as long as each overload answers so many times as much in full as the last one … */
const STILL_FASTER = 1.05;
/** … and no longer than this. */
const MOST_WARM_UPS = 5;
/** Who answers less than this in full had more to do than it could. */
const SATURATED_BELOW = 0.95;

/** @param roughCapacity requests per second, of a burst */
export async function calibrationRuns(tapped: Tapped, variant: string, roughCapacity: number, { seconds, brokerPid, seed }: { seconds: number; brokerPid: number | undefined; seed: number }): Promise<CalibrationRuns> {
  const at = (name: string, perSecond: number) => tapped.run({
    arrivals: poissonArrivals(perSecond, seededRandom(seed, `calibration ${variant} ${name}`)), seconds, partitions: DEFAULT_PARTITIONS, brokerPid, variant,
  });
  const capacity = await warmUp((round, known) => at(`warm-up ${round}`, OVER_SHARE * known), roughCapacity);
  const over = await at('over', OVER_SHARE * capacity);
  const full = await at('full', FULL_SHARE * capacity);
  const near = await at('near', NEAR_SHARE * Math.max(1, completePerSecond(full)));
  return { variant, over, full, near, light: await at('light', LIGHT_SHARE * capacity) };
}

/**
 * Until overloads no longer get faster: of processes that have just been started much is still being compiled. In one calibration that began cold the chain took .24 cores at
 * 453 requests/s, and some runs later .18 at 533/s; such calibrations predicted 8 to 39 % less in overload than was then done.
 * @returns requests per second that can be done: no fewer than an overload answered in full, where the burst that came first, when all was cold, says less
 */
async function warmUp(overload: (round: number, capacity: number) => Promise<TappedRun>, roughCapacity: number): Promise<number> {
  let [capacity, before] = [roughCapacity, 0];
  for (let round = 1; round <= MOST_WARM_UPS; round += 1) {
    const complete = completePerSecond(await overload(round, capacity));
    capacity = Math.max(capacity, complete);
    if (complete < STILL_FASTER * before) break;
    before = complete;
  }
  return capacity;
}

const runsOf = ({ light, near, full, over }: CalibrationRuns): TappedRun[] => [light, near, full, over];
const completeOf = ({ answers }: TappedRun): number => answers.filter(({ status }) => status === 'complete').length;
const completePerSecond = (run: TappedRun): number => completeOf(run) / run.seconds;
const isSaturated = (run: TappedRun): boolean => completeOf(run) < SATURATED_BELOW * run.figures.offered;

/**
 * Of the two runs on either side of a rate: where many threads want the cores, it is chance how long a batch waits for its turns.
 * @throws {Error} where nothing ran
 */
function batchesAround({ variant, ...runs }: CalibrationRuns, perSecond: number, cores: number): BatchSample[] {
  const known = runsOf({ variant, ...runs }).filter(({ steps }) => steps.some(({ ran }) => ran !== undefined));
  if (known.length === 0) throw new Error(`${variant}: nothing ran at ${Math.round(runs.light.figures.offeredPerSecond)} to ${Math.round(runs.full.figures.offeredPerSecond)} requests/s: this machine is too busy to measure on, or too slow for this --slo-ms`);
  return [...new Set(neighbours(known, perSecond))].flatMap((run) => timesAlone(run, cores));
}

export function calibrate(runs: readonly CalibrationRuns[], { cores: machineCores, rebalanceMs }: MachineFacts): Calibration {
  const all = runs.flatMap(runsOf);
  const cores = coresOf(all, machineCores);
  const measured = runs.flatMap((one) => runsOf(one).map((run) => measuredRun(one.variant, run)));
  return {
    runs: measured, cores, rebalanceMs, detectionMs: SESSION_TIMEOUT_MS, partitionShares: runs[0]!.full.partitionShares,
    samples: Object.fromEntries(runs.map((one) => [one.variant, summary(runsOf(one).flatMap((run) => timesAlone(run, cores)))])),
    hopsAt: (perSecond) => hopsOf(all, perSecond), handOverAt: (perSecond) => handOverAt(all, perSecond),
    timesAt: (perSecond) => new Map(runs.map((one) => [one.variant, measuredTimes(batchesAround(one, perSecond, cores))])),
    others: demandsByRate(measured.map(({ offeredPerSecond, cores: { others } }) => ({ perSecond: offeredPerSecond, cores: others }))),
    capacityPerSecond: new Map(runs.map(({ variant, full }) => [variant, completePerSecond(full)])),
  };
}

/** As in the runs on either side of a rate, in proportion to how near they are. */
function handOverAt(runs: readonly TappedRun[], perSecond: number): (random: Random) => number {
  const known = runs.filter(({ steps }) => handOversOf(steps).length >= FEWEST_HAND_OVERS);
  if (known.length === 0) return () => 0;
  const near = neighbours(known, perSecond);
  const [lower, upper] = near.map(({ steps }) => handOversOf(steps)) as [number[], number[]];
  const share = shareOfUpper(near, perSecond);
  return (random) => {
    const samples = random() < share ? upper : lower;
    return samples[Math.floor(random() * samples.length)]!;
  };
}

function measuredRun(variant: string, run: TappedRun): MeasuredRun {
  const { steps, cores, figures: { offeredPerSecond } } = run;
  const ran = steps.filter((step) => step.ran !== undefined).length;
  const handOvers = handOversOf(steps);
  return {
    variant, offeredPerSecond, completePerSecond: completePerSecond(run), inVainShare: ran === 0 ? 0 : Math.max(0, 1 - completeOf(run) / ran), busySessions: busySessions(run),
    handOverMs: handOvers.length === 0 ? 0 : handOvers.reduce((sum, ms) => sum + ms, 0) / handOvers.length, cores,
  };
}

/** What all got together where there was more to do than cores: some of those that the machine says it has go to nobody that is looked at. */
function coresOf(runs: readonly TappedRun[], cores: number): number {
  const used = runs.filter(isSaturated).map((run) => run.cores.inference + othersTogether(run.cores));
  return used.length === 0 ? cores : Math.min(cores, Math.max(...used));
}

function summary(samples: readonly BatchSample[]): { size: number; meanMs: number; count: number }[] {
  const bySize = Map.groupBy(samples, ({ size }) => 2 ** Math.ceil(Math.log2(size)));
  return [...bySize].sort(([a], [b]) => a - b).map(([size, some]) => ({ size, count: some.length, meanMs: some.reduce((sum, { ms }) => sum + ms, 0) / some.length }));
}
