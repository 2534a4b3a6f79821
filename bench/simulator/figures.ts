/**
 * What seeded runs come to, and a digest of each: compare those of two versions, and you know whether a change that was to make the simulator faster has
 * changed what it says. Policies with and without faults, one step and two, tiers and bulk, cores for all and too few.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { workloadSchema } from '@tandem/schemas';
import { BanditLearner, banditPolicy, deadlineAwarePolicy, optimalSharePolicy, thresholdPolicy, type Policy } from '@tandem/shared/core';
import { burstyArrivals, poissonArrivals, seededRandom } from '@tandem/shared/random';
import { loadRegistry, stableVariants } from '@tandem/shared/registry';
import { curveTimes, hopAround, simulate, uniformHops, type ClusterSpec, type Fault, type SimulationSpec, type TrafficSpec, type WorkerSpec } from '@tandem/simulator';

const REPOSITORY = join(import.meta.dirname, '../..');
const SECONDS = 12;

const variants = stableVariants(await loadRegistry(join(REPOSITORY, 'models')));
const workload = workloadSchema.parse(JSON.parse(readFileSync(join(REPOSITORY, 'workloads/recommend.json'), 'utf8')));

const POLICIES: Readonly<Record<string, () => Policy>> = {
  threshold: () => thresholdPolicy(),
  'deadline-aware': () => deadlineAwarePolicy(),
  'optimal-share': () => optimalSharePolicy(),
  bandit: () => banditPolicy({ learner: new BanditLearner(), random: seededRandom(1, 'lots') }),
};

const FAULTS: readonly Fault[] = [
  { kind: 'slow-worker', instance: 'w1', atSeconds: 2, seconds: 2, factor: 5 },
  { kind: 'worker-lost', instance: 'w2', atSeconds: 5, returnsAfterSeconds: 3 },
  { kind: 'variant-failing', variant: 'recommend-large.fp32', atSeconds: 4, seconds: 2 },
  { kind: 'broker-pause', atSeconds: 9, seconds: 0.4 },
];

function worker(instance: string): WorkerSpec {
  const kinds = (each: number) => ['short', 'long'].map((name, index) => ({ name, share: 2 - index, times: curveTimes([{ size: 1, ms: 0.3 }, { size: 32, ms: 32 * each * (index + 1) }], 0.1) }));
  const serves = new Map(variants.filter(({ model }) => model.startsWith('recommend')).map(({ model, precision }) => [`${model}.${precision}`, kinds((model.endsWith('small') ? 0.05 : 0.2) * (precision === 'fp32' ? 1 : 0.7))]));
  return { instance, machine: 'm', sessions: 2, serves, handOverMs: (random) => 0.2 * random() };
}

const ONE_STEP: Partial<TrafficSpec> = { tasks: { fine: 1 } };
const TWO_STEPS: Partial<TrafficSpec> = {
  tasks: { full: 3, coarse: 1 }, tiers: { vip: 1, standard: 3, free: 1 }, keys: { count: 5_000, exponent: 0.8 }, accuracyFloor: 0.5, activity: (random) => random(), confidence: (random) => random(),
  isRight: (variant, _task, random) => random() < (variant.endsWith('fp32') ? 0.6 : 0.5),
};

function specOf(policy: Policy, perSecond: number, traffic: Partial<TrafficSpec>, faults: readonly Fault[], over: Partial<ClusterSpec>): SimulationSpec {
  const kind = { workload, deadlineMs: 60, sloMs: 60, ...traffic };
  return {
    seed: 3, seconds: SECONDS, warmUpSeconds: 1, policy, faults,
    traffic: [
      { ...kind, arrivals: (random) => burstyArrivals({ perSecond, peak: 3, quiet: 0.3 }, random) },
      { ...kind, arrivals: (random) => poissonArrivals(perSecond / 10, random), lane: 'bulk', deadlineMs: null },
    ],
    cluster: {
      variants, partitions: 16, workers: [worker('w1'), worker('w2')], schedulers: 2, hops: uniformHops(hopAround(1)), deadlineMarginMs: 5, detectionMs: 800,
      rebalanceMs: (random) => 100 * random(), stages: { classifier: 0.02, scheduler: 0.03, worker: 0.02, fusion: 0.02 }, ...over,
    },
  };
}

const SHORT_OF_CORES: Partial<ClusterSpec> = { machines: { m: { cores: 3, background: [0.2] } }, edgeMachine: 'm' };
const runs: readonly [name: string, perSecond: number, traffic: Partial<TrafficSpec>, faults: readonly Fault[], over: Partial<ClusterSpec>][] = [
  ['one step', 1_500, ONE_STEP, [], {}],
  ['two steps, faults', 1_200, TWO_STEPS, FAULTS, {}],
  ['two steps, few cores, overload, faults', 6_000, TWO_STEPS, FAULTS, SHORT_OF_CORES],
];

for (const [policyName, policy] of Object.entries(POLICIES)) {
  for (const [name, perSecond, traffic, faults, over] of runs) {
    const { simulated: { requests, events }, ...figures } = simulate(specOf(policy(), perSecond, traffic, faults, over));
    const digest = createHash('sha256').update(JSON.stringify({ ...figures, requests, events })).digest('hex').slice(0, 12);
    console.log(`${digest}  ${policyName.padEnd(14)} ${name.padEnd(38)} ${requests} requests, ${events} events, ${figures.goodputPerSecond.toFixed(1)}/s in time, p99 ${figures.p99Ms.toFixed(2)} ms`);
  }
}
