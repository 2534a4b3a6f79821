import { DEFAULT_PARTITIONS, workloadSchema } from '@tandem/schemas';
import { fixedPolicy } from '@tandem/shared/core';
import { poissonArrivals, seededRandom } from '@tandem/shared/random';
import { curveTimes, hopAround, simulate, uniformHops, type SimulationFigures, type WorkerSpec } from '@tandem/simulator';
import { expect, test } from 'vitest';
import { P99_BOUND, RUNS, type Run } from './validate.ts';
import { variantsOfWorld } from './worlds.ts';

const DEADLINE_MS = 390;
const REPEATS = 7;

const workload = workloadSchema.parse({
  name: 'made-up', description: 'one step', adapter: 'classify', roles: { fine: 'large' }, deadlineMs: DEADLINE_MS, defaultTask: 'fine',
  plans: { fine: { strategy: 'cascade', steps: [{ id: 'fine', role: 'fine', model: 'large' }] } },
});

/** As the validation's cluster: two workers of one session each, on two cores with a chain and a broker; requests always come at the same times. */
function made(perSecond: number, { seconds, faults = [] }: Pick<Run, 'seconds' | 'faults'>, seed: number): SimulationFigures {
  const times = curveTimes([{ size: 1, ms: 2 }, { size: 32, ms: 60 }], 0.2);
  const worker = (instance: string): WorkerSpec => ({ instance, machine: 'here', sessions: 1, serves: new Map([['large.fp32', [{ name: 'all', share: 1, times }]]]) });
  return simulate({
    seed, seconds, faults, policy: fixedPolicy('fp32'),
    traffic: [{ workload, arrivals: () => poissonArrivals(perSecond, seededRandom(1, 'arrivals')), tasks: { fine: 1 }, deadlineMs: DEADLINE_MS, sloMs: DEADLINE_MS }],
    cluster: {
      variants: variantsOfWorld(), partitions: DEFAULT_PARTITIONS, workers: [worker('worker-1'), worker('worker-2')], hops: uniformHops(hopAround(1), true), detectionMs: 6_000,
      machines: { here: { cores: 2, background: [0.4, 0.3] } },
    },
  });
}

/** Complete answers per second where a little more comes than can be done, as it is calibrated. */
const capacity = made(800, { seconds: 20 }, 1).goodputPerSecond;

/** Standard deviation of p99 as a share of its mean, of runs that differ by nothing but the seed. */
function chanceIn(run: Pick<Run, 'share' | 'seconds' | 'faults'>): number {
  const all = Array.from({ length: REPEATS }, (_, index) => made(run.share * capacity, run, index + 1).p99Ms);
  const mean = all.reduce((sum, p99Ms) => sum + p99Ms, 0) / REPEATS;
  return Math.sqrt(all.reduce((sum, p99Ms) => sum + (p99Ms / mean - 1) ** 2, 0) / (REPEATS - 1));
}

test.each(RUNS)('the run $name is so long that the bound of its p99 is two standard deviations of chance and more', (run) => {
  expect(chanceIn(run)).toBeLessThan(P99_BOUND / 2);
});

test('ten seconds at capacity would not be', () => {
  expect(chanceIn({ share: 1, seconds: 10 })).toBeGreaterThan(P99_BOUND / 2);
});
