import { experimentSchema, type Experiment, type ExperimentControl, type Variant } from '@tandem/schemas';
import type { ClusterState, VariantState } from '../policy/index.ts';
import { started } from './changes.ts';

type Written = Omit<Partial<Experiment>, 'guards' | 'arms'> & { guards?: Partial<Experiment['guards']>; arms?: Experiment['arms'] };

/** 90 % of the users in `a`, FP32; 10 % in `b`, INT8. */
export function definition(over: Written = {}): Experiment {
  const arms = [{ name: 'a', precision: 'fp32', weight: 90 }, { name: 'b', precision: 'int8', weight: 10 }];
  return experimentSchema.parse({ name: 'split', workload: 'w', model: 'large', arms, ...over });
}

export function running(over: Written = {}): ExperimentControl {
  return started(definition(over), {}, { by: 'me', time: 1_000, why: 'started' });
}

export function variant(model: string, precision: string, accuracy = 0.9): Variant {
  return { model, precision, version: '1', status: 'stable', adapter: 'x', graphs: {}, limits: {}, accuracy: { metric: 'm', value: accuracy, others: {}, data: 'd', date: 'd' }, lineage: {} };
}

/** Served by one worker. */
export function state(of: Variant, over: Partial<VariantState> = {}): VariantState {
  return { variant: of, workers: 1, halfOpen: 0, probeDue: false, takenOut: 0, queued: 0, outstanding: 0, meanBatchMs: 1, everServed: true, versions: [of.version], ...over };
}

export function cluster(states: readonly VariantState[]): ClusterState {
  return { resources: undefined, settled: true, forecast: () => undefined, variantsOf: (model) => states.filter((each) => each.variant.model === model) };
}
