import type { Plan, StepResult, Work } from '@tandem/schemas';
import type { Adapter } from '../adapters/types.ts';
import type { Interned } from './interned.ts';

/** What of a step's content differs between requests, and what is the same for many. */
export interface StepContent {
  /** All that the result depends on. */
  readonly content: unknown;
  /** Stands for it in a hash: a number each for the variant and the plan, which are long and few. */
  readonly essence: unknown;
  /** The part that is not shared with other requests. */
  readonly own: unknown;
}

export interface StepContentContext {
  /** Of the variant's whole registry entry. */
  variant: { readonly fingerprint: string; readonly number: number };
  adapter: Pick<Adapter, 'readsUser'>;
  plans: Interned<Plan>;
  tenant: string | undefined;
}

/**
 * All that a step's result depends on: the variant (by a fingerprint of its registry entry: files, version, tensors,
 * limits), the step in its plan, the features, and what the steps that it comes after have come to. Where the adapter
 * looks at the user, also the user and how many of his interactions were known, so that a new one makes another content.
 * Tenants are kept apart. Undefined: it cannot be told, so the result is not cached.
 */
export function stepContent(work: Work, { variant, adapter, plans, tenant }: StepContentContext): StepContent | undefined {
  const { step, task } = work;
  const user = adapter.readsUser === true ? userOf(work) : null;
  if (user === undefined) return undefined;
  const { value: plan, number } = plans.of(task.plan);
  const earlier = earlierResults(work, plan);
  return {
    content: [variant.fingerprint, task.workload, step, task.input, earlier, user, tenant ?? null, plan],
    essence: [variant.number, number, task.workload, step, task.input, earlier, user, tenant ?? null],
    own: [task.input, earlier],
  };
}

function userOf({ task: { userId, interactions, marks } }: Work): [string, number] | undefined {
  const known = userId !== undefined && interactions !== undefined && !marks.includes('features_stale');
  return known ? [userId, interactions] : undefined;
}

/** Of a step without a result: what became of it. */
function earlierResults({ step, previous }: Work, { steps }: Plan): (StepResult | string)[] {
  const after = steps.find(({ id }) => id === step)?.after ?? [];
  return after.map((id) => {
    const end = previous[id];
    return end?.kind === 'completed' ? end.result : end?.kind ?? 'none';
  });
}
