import { deadlineAwarePolicy, thresholdPolicy, type Policy } from '@tandem/shared/core';
import { workloadSchema } from '@tandem/schemas';
import { burstyArrivals, poissonArrivals } from '@tandem/shared/random';
import { median } from '@tandem/shared/statistics';
import { hopAround, linearTimes, simulate, uniformHops, type ServiceTimes, type SimulationFigures, type TrafficSpec } from '@tandem/simulator';
import { variantsOfWorld } from './worlds.ts';

/** A model that is made up: at FP32 a batch of n takes `batchMs` + n · `eachMs`, at INT8 half of that. */
interface MadeUp {
  deadlineMs: number;
  batchMs: number;
  eachMs: number;
}

const SLOW: MadeUp = { deadlineMs: 400, batchMs: 5, eachMs: 6 };
const QUICK: MadeUp = { deadlineMs: 50, batchMs: 1, eachMs: 0.95 };
const LARGEST_BATCH = 32;
const SESSIONS = 2;
const SECONDS = 20;
const SEEDS = [1, 2, 3];

/** What a policy comes to. */
export interface MadeUpFigures {
  goodputPerSecond: number;
  missShare: number;
  /** Of the best variant's. */
  meanAccuracy: number;
  sessionSecondsPer1000: number;
}

/** One load, and what both policies come to under it: medians over seeds. */
export interface MadeUpRow {
  situation: string;
  offeredPerSecond: number;
  threshold: MadeUpFigures;
  deadlineAware: MadeUpFigures;
}

const WORKLOAD = workloadSchema.parse({
  name: 'made-up', description: 'one step', adapter: 'classify', deadlineMs: 100, defaultTask: 'fine',
  plans: { fine: { strategy: 'cascade', steps: [{ id: 'fine', role: 'fine', model: 'large' }] } },
});

function run({ deadlineMs, batchMs, eachMs }: MadeUp, policy: Policy, arrivals: TrafficSpec['arrivals'], seed: number): SimulationFigures {
  const kind = (times: ServiceTimes) => [{ name: 'all', share: 1, times }];
  const serves = new Map([['large.fp32', kind(linearTimes(batchMs, eachMs, 0.1))], ['large.int8', kind(linearTimes(batchMs / 2, eachMs / 2, 0.1))]]);
  return simulate({
    seed, seconds: SECONDS, warmUpSeconds: 2, policy,
    traffic: [{ workload: WORKLOAD, arrivals, tasks: { fine: 1 }, deadlineMs, sloMs: deadlineMs }],
    cluster: {
      variants: variantsOfWorld(), partitions: 16, workers: [{ instance: 'w', machine: 'm', sessions: SESSIONS, serves }],
      machines: { m: { cores: 2, background: [0.3] } }, hops: uniformHops(hopAround(0.7)), deadlineMarginMs: 5,
    },
  });
}

function figuresOf(make: () => Policy, model: MadeUp, arrivals: TrafficSpec['arrivals']): MadeUpFigures {
  const runs = SEEDS.map((seed) => run(model, make(), arrivals, seed));
  const of = (pick: (figures: SimulationFigures) => number) => median(runs.map(pick));
  return {
    goodputPerSecond: of(({ goodputPerSecond }) => goodputPerSecond), missShare: of(({ inTimeShare }) => 1 - inTimeShare),
    meanAccuracy: of(({ meanAccuracy }) => meanAccuracy), sessionSecondsPer1000: of(({ sessionSecondsPer1000 }) => sessionSecondsPer1000),
  };
}

/** `threshold` and `deadline-aware` in a world of which everything is written down here, so that the same figures come out everywhere. */
export function madeUpRows(): MadeUpRow[] {
  const capacityOf = ({ batchMs, eachMs }: MadeUp) => (SESSIONS * LARGEST_BATCH * 1_000) / (batchMs + LARGEST_BATCH * eachMs);
  const row = (model: MadeUp, load: number, peak?: number): MadeUpRow => {
    const perSecond = load * capacityOf(model);
    const arrivals: TrafficSpec['arrivals'] = (random) => (peak === undefined ? poissonArrivals(perSecond, random) : burstyArrivals({ perSecond, peak, burstMs: 400 }, random));
    return {
      situation: `${model.deadlineMs} ms, ${load} of FP32's capacity${peak === undefined ? '' : `, in bursts of ${peak} times as much`}`, offeredPerSecond: perSecond,
      threshold: figuresOf(() => thresholdPolicy(), model, arrivals), deadlineAware: figuresOf(() => deadlineAwarePolicy(), model, arrivals),
    };
  };
  return [row(SLOW, 0.6), row(SLOW, 0.6, 3), row(SLOW, 1.4), row(SLOW, 3), row(QUICK, 0.95), row(QUICK, 1.4), row(QUICK, 3)];
}
