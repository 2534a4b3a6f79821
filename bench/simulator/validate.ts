import { DEFAULT_PARTITIONS } from '@tandem/schemas';
import { fixedPolicy } from '@tandem/shared/core';
import { poissonArrivals, seededRandom, type Arrivals } from '@tandem/shared/random';
import type { Fault } from '@tandem/simulator';
import type { Calibration } from './calibrate.ts';
import { predict, type Bounds, type Load, type Predicted } from './predict.ts';
import type { GradedModels } from './graded-cluster.ts';
import type { Tapped, TappedRun } from './tapped.ts';

export interface Validated {
  run: string;
  perSecond: number;
  predicted: Pick<Predicted, 'goodputPerSecond' | 'p99Ms' | 'p99SpreadMs'>;
  measured: { goodputPerSecond: number; p99Ms: number };
  /** (predicted − measured) ÷ measured. */
  goodputError: number;
  p99Error: number;
  /** Goodput within 10 % and p99 within 25 %. */
  isWithin: boolean;
}

export const GOODPUT_BOUND = 0.1;
export const P99_BOUND = 0.25;
const LOST_AT_SECONDS = 4;
/**
 * What lay unread is answered late when it is found, as far as its deadline allows (as many requests as half of the rate brings in one), and what came while the
 * survivor waited for its new partitions is late as well: some 45 requests. Of a run of 40 seconds these are 1 % of all, so that its p99 is the latency of one of them, or of none,
 * by chance: simulated runs that differ by nothing but the seed had p99s from 59 to 130 ms. Of this one they are half a per cent; what is late shows in goodput.
 */
const LOSS_SECONDS = 80;
/**
 * Where as much comes as can be done, a queue grows and goes by chance, and takes longer than ten seconds until it has been as long as deadlines let it: what their p99 says is how far it happened to get.
 * Runs of a cluster like this one that differ by nothing but the seed have p99s with a standard deviation of 22 % in ten seconds, and of 4 % in forty (validate.test.ts). Less load instead would not
 * do: below the capacity p99 depends most on how far off the calibrated capacity is.
 */
const CAPACITY_SECONDS = 40;
/** Likewise: 10 % in ten seconds, 4 % in twenty. */
const LOAD_SECONDS = 20;

export interface Run {
  name: string;
  /** Of the capacity that was calibrated. */
  share: number;
  seconds: number;
  faults?: readonly Fault[];
}

export const RUNS: readonly Run[] = [
  { name: 'under load', share: 0.5, seconds: LOAD_SECONDS },
  { name: 'at capacity', share: 1, seconds: CAPACITY_SECONDS },
  { name: 'overload', share: 2, seconds: 10 },
  { name: 'one worker lost', share: 0.4, seconds: LOSS_SECONDS, faults: [{ kind: 'worker-lost', instance: 'worker-2', atSeconds: LOST_AT_SECONDS }] },
];

/** Really made; with what it is predicted from again, any number of times. */
export interface MadeRun extends Run {
  perSecond: number;
  /** Of its arrivals. */
  seed: number;
  made: TappedRun;
}

/** The runs, one after the other; the last one leaves a worker dead. None of them is among those that the calibration rests on. */
export async function makeRuns(tapped: Tapped, calibration: Calibration, variant: string, { brokerPid, seed, progress }: { brokerPid: number | undefined; seed: number; progress: (text: string) => void }): Promise<MadeRun[]> {
  const capacity = calibration.capacityPerSecond.get(variant) ?? 0;
  if (capacity === 0) throw new Error(`${variant}: nothing was complete in time in the full calibration run: this machine is too busy to measure on, or too slow for this --slo-ms`);
  const made: MadeRun[] = [];
  for (const run of RUNS) {
    const { name, share, seconds, faults = [] } = run;
    const perSecond = share * capacity;
    const arrivals = arrivalsOf({ name, perSecond, seed });
    const victim = faults.length === 0 ? undefined : setTimeout(() => process.kill(tapped.pids.at(-1)!, 'SIGKILL'), LOST_AT_SECONDS * 1_000);
    made.push({ ...run, perSecond, seed, made: await tapped.run({ arrivals, seconds, partitions: DEFAULT_PARTITIONS, brokerPid, variant }) });
    clearTimeout(victim);
    progress(`${name}, ${perSecond.toFixed(0)}/s: made`);
  }
  return made;
}

/**
 * When its requests are sent is a run's input, as its rate is, and is played to the simulator too: other arrivals of the same rate are a run of their own. In ten seconds they are
 * up to 3 % more or fewer, and come together elsewhere, which near the capacity makes another p99 of it.
 */
function arrivalsOf({ name, perSecond, seed }: Pick<MadeRun, 'name' | 'perSecond' | 'seed'>): Arrivals {
  return poissonArrivals(perSecond, seededRandom(seed, name));
}

/** Each run is predicted from its arrivals and the calibration alone. */
export function validate(runs: readonly MadeRun[], calibration: Calibration, models: Pick<GradedModels, 'workload' | 'variants'>, variant: string, bounds: Bounds): Validated[] {
  return runs.map(({ name, perSecond, seed, seconds, faults = [], made: { figures } }) => {
    const load: Load = { perSecond, arrivals: () => arrivalsOf({ name, perSecond, seed }), seconds, faults };
    return compared(name, perSecond, predict(calibration, models, () => fixedPolicy(variant.split('.').at(-1)!), load, bounds), figures);
  });
}

function compared(run: string, perSecond: number, predicted: Predicted, measured: { goodputPerSecond: number; p99Ms: number }): Validated {
  const error = (name: 'goodputPerSecond' | 'p99Ms') => (predicted[name] - measured[name]) / measured[name];
  const [goodputError, p99Error] = [error('goodputPerSecond'), error('p99Ms')];
  return {
    run, perSecond, predicted: { goodputPerSecond: predicted.goodputPerSecond, p99Ms: predicted.p99Ms, p99SpreadMs: predicted.p99SpreadMs },
    measured: { goodputPerSecond: measured.goodputPerSecond, p99Ms: measured.p99Ms }, goodputError, p99Error, isWithin: Math.abs(goodputError) <= GOODPUT_BOUND && Math.abs(p99Error) <= P99_BOUND,
  };
}
