import { workloadSchema, type Variant, type Workload } from '@tandem/schemas';
import { thresholdPolicy } from '@tandem/shared/core';
import { poissonArrivals } from '@tandem/shared/random';
import { IN_MEMORY, uniformHops } from './model/hop-times.ts';
import { linearTimes, type ServiceTimes } from './model/service-times.ts';
import type { SimulationSpec, WorkerSpec } from './spec.ts';

export function variantOf(model: string, precision: string, accuracy: number): Variant {
  return {
    model, precision, version: '1', status: 'stable', adapter: 'classify', graphs: {}, limits: {}, lineage: {},
    accuracy: { metric: 'accuracy', value: accuracy, others: {}, data: 'none', date: '2026-01-01' },
  };
}

/** Small, then large; and each alone. */
export function twoStepWorkload(over: Partial<Workload> = {}): Workload {
  const coarse = { id: 'coarse', role: 'coarse' as const, model: 'small', after: [], required: false };
  const fine = { id: 'fine', role: 'fine' as const, model: 'large', after: ['coarse'], required: false };
  return workloadSchema.parse({
    name: 'test', description: 'for tests', adapter: 'classify', deadlineMs: 100,
    plans: {
      coarse: { strategy: 'cascade', steps: [coarse] },
      fine: { strategy: 'cascade', steps: [{ ...fine, after: [] }] },
      full: { strategy: 'cascade', steps: [coarse, fine] },
    },
    ...over,
  });
}

export const SMALL = variantOf('small', 'fp32', 0.9);
export const LARGE = variantOf('large', 'fp32', 1);

export function worker(instance: string, over: Partial<WorkerSpec> = {}, large: ServiceTimes = linearTimes(1, 0.5), small: ServiceTimes = linearTimes(0.2, 0.05)): WorkerSpec {
  const all = (times: ServiceTimes) => [{ name: 'all', share: 1, times }];
  return { instance, machine: instance, sessions: 1, serves: new Map([['small.fp32', all(small)], ['large.fp32', all(large)]]), ...over };
}

interface Over extends Partial<Omit<SimulationSpec, 'cluster' | 'traffic'>> {
  perSecond?: number;
  cluster?: Partial<SimulationSpec['cluster']>;
  traffic?: Partial<SimulationSpec['traffic'][number]>;
}

/** Two workers, requests of the large model, no time between stages. */
export function specOf({ perSecond = 500, cluster = {}, traffic = {}, ...rest }: Over = {}): SimulationSpec {
  return {
    seed: 1, seconds: 10, policy: thresholdPolicy(),
    traffic: [{ workload: twoStepWorkload(), arrivals: (random) => poissonArrivals(perSecond, random), tasks: { fine: 1 }, sloMs: 100, ...traffic }],
    cluster: { variants: [SMALL, LARGE], partitions: 16, workers: [worker('w1'), worker('w2')], hops: uniformHops(IN_MEMORY), ...cluster },
    ...rest,
  };
}
