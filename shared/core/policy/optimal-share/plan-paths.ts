import type { PlanStep } from '@tandem/schemas';
import { expectedMsOf } from '../expectation.ts';
import type { DecisionContext, VariantState } from '../types.ts';
import type { Path } from './shares.ts';

/** A way through a plan: a variant for each step that runs. */
export interface PlanPath extends Path {
  /** By step; absent: skipped. */
  choices: ReadonlyMap<string, VariantState>;
}

/** More combinations than this are not worth solving for. */
const MOST_PATHS = 64;

const EMPTY: PlanPath = { choices: new Map(), ms: 0, accuracy: 0, costMs: { sessions: 0 } };

function extended(path: PlanPath, step: PlanStep, state: VariantState, { cluster, task }: DecisionContext): PlanPath {
  const forecast = cluster.forecast(state, task.tier);
  return {
    choices: new Map([...path.choices, [step.id, state]]),
    ms: path.ms + (forecast === undefined ? 0 : expectedMsOf(forecast)),
    // The answer is as good as the last model that had its say.
    accuracy: state.variant.accuracy.value,
    costMs: { sessions: (path.costMs?.['sessions'] ?? 0) + (forecast?.costMs ?? 0) },
  };
}

/** Whether a path may go on without a step: another has answered, and nobody insists. */
function maySkip({ after, required }: PlanStep, { choices }: PlanPath): boolean {
  return !required && after.some((id) => choices.has(id));
}

/**
 * Every way through a task's plan by what is served now. Undefined: a step cannot be served, there are too many, or nobody knows yet what they take.
 */
export function planPaths(context: DecisionContext): PlanPath[] | undefined {
  let paths: PlanPath[] = [EMPTY];
  for (const step of context.task.plan.steps) {
    const served = context.cluster.variantsOf(step.model).filter(({ workers }) => workers > 0);
    paths = paths.flatMap((path) => [...served.map((state) => extended(path, step, state, context)), ...(maySkip(step, path) ? [path] : [])]);
    if (paths.length === 0 || paths.length > MOST_PATHS) return undefined;
  }
  return paths.every(({ costMs }) => (costMs?.['sessions'] ?? 0) > 0) ? paths : undefined;
}
