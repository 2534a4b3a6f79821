import { DEFAULT_PARTITIONS } from '@tandem/schemas';
import { answerMarginMs, type Policy } from '@tandem/shared/core';
import type { Arrivals } from '@tandem/shared/random';
import type { Random } from '@tandem/shared/clock';
import { simulate, type Fault, type SimulationFigures, type WorkerSpec } from '@tandem/simulator';
import { median, spreadOf, type Spread } from '@tandem/shared/statistics';
import type { Calibration } from './calibrate.ts';
import { WORKERS, type GradedModels } from './graded-cluster.ts';

export interface Load {
  /** Mean. */
  perSecond: number;
  arrivals: (random: Random) => Arrivals;
  seconds: number;
  faults?: readonly Fault[];
}

export interface Bounds {
  sloMs: number;
  deadlineMs: number;
}

/** What is predicted of a real run: medians over the seeds. */
export interface Predicted {
  goodputPerSecond: number;
  p99Ms: number;
  /** Over the seeds: what of it is chance. */
  p99SpreadMs: Spread;
  missShare: number;
  lateShare: number;
  degradedShare: number;
  meanAccuracy: number;
  sessionSecondsPer1000: number;
  variantShares: Record<string, number>;
}

const SEEDS = [1, 2, 3, 4, 5];
const MACHINE = 'here';

function workers({ timesAt, handOverAt }: Calibration, perSecond: number): WorkerSpec[] {
  const serves = new Map([...timesAt(perSecond)].map(([name, one]) => [name, [{ name: 'all', share: 1, times: one }]] as const));
  return Array.from({ length: WORKERS }, (_, index) => ({ instance: `worker-${index + 1}`, machine: MACHINE, sessions: 1, serves, handOverMs: handOverAt(perSecond) }));
}

/** Runs the simulator as the real run will be, on nothing but what was calibrated. */
export function predict(calibration: Calibration, { workload, variants }: Pick<GradedModels, 'workload' | 'variants'>, policy: () => Policy, { perSecond, arrivals, seconds, faults = [] }: Load, { sloMs, deadlineMs }: Bounds): Predicted {
  const { hopsAt, others, partitionShares, cores, detectionMs, rebalanceMs } = calibration;
  const runs = SEEDS.map((seed) => simulate({
    seed, seconds, policy: policy(), faults,
    traffic: [{ workload, arrivals, tasks: { fine: 1 }, deadlineMs, sloMs, partitionShares }],
    cluster: {
      variants, partitions: DEFAULT_PARTITIONS, workers: workers(calibration, perSecond), hops: hopsAt(perSecond), detectionMs, deadlineMarginMs: answerMarginMs(),
      ...(rebalanceMs.length === 0 ? {} : { rebalanceMs: (random: Random) => rebalanceMs[Math.floor(random() * rebalanceMs.length)]! }),
      machines: { [MACHINE]: { cores, background: others(perSecond) } },
    },
  }));
  const of = (pick: (figures: SimulationFigures) => number) => median(runs.map(pick));
  return {
    goodputPerSecond: of(({ goodputPerSecond }) => goodputPerSecond), p99Ms: of(({ p99Ms }) => p99Ms), p99SpreadMs: spreadOf(runs.map(({ p99Ms }) => p99Ms)), missShare: of(({ inTimeShare }) => 1 - inTimeShare),
    lateShare: of(({ lateShare }) => lateShare), degradedShare: of(({ degradedShare }) => degradedShare), meanAccuracy: of(({ meanAccuracy }) => meanAccuracy),
    sessionSecondsPer1000: of(({ sessionSecondsPer1000 }) => sessionSecondsPer1000), variantShares: runs[0]!.variantShares,
  };
}
