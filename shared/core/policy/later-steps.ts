import type { PlanStep } from '@tandem/schemas';
import type { DecisionContext } from './types.ts';

/** What the steps after one take at least. */
export interface LaterSteps {
  /** Along the longest chain of them, ms. */
  ms: number;
  /** One of them is required. */
  required: boolean;
}

/** Of the model's variants that are served, the quickest; 0 where nothing is known. */
function leastMs({ cluster, task }: DecisionContext, model: string): number {
  let least = Infinity;
  for (const state of cluster.variantsOf(model)) {
    if (state.workers === 0) continue;
    const forecast = cluster.forecast(state, task.tier);
    if (forecast !== undefined) least = Math.min(least, forecast.soonestMs);
  }
  return least === Infinity ? 0 : least;
}

function chain(context: DecisionContext, step: PlanStep, depth: number): LaterSteps {
  const { steps } = context.task.plan;
  let longest: LaterSteps = { ms: 0, required: false };
  // Plans have no cycles; one that a stranger's workload had would not end.
  if (depth > steps.length) return longest;
  for (const next of steps) {
    if (!next.after.includes(step.id) || next.id in context.previous) continue;
    const after = chain(context, next, depth + 1);
    const ms = leastMs(context, next.model) + after.ms;
    longest = { ms: Math.max(longest.ms, ms), required: longest.required || next.required || after.required };
  }
  return longest;
}

export function laterMs(context: DecisionContext): LaterSteps {
  return chain(context, context.step, 0);
}
