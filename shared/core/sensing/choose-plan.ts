import type { Plan, PlanStep, TaskKind, Workload } from '@tandem/schemas';
import { RecordError } from '../../errors/index.ts';

/**
 * Where a workload lacks the wanted plan, the next of these: for coarse the plan that begins with the small model,
 * for fine the one that ends with the large model, for full the one of the better answer.
 */
const FALLBACKS: Readonly<Record<TaskKind, readonly TaskKind[]>> = {
  coarse: ['coarse', 'full', 'fine'],
  fine: ['fine', 'full', 'coarse'],
  full: ['full', 'fine', 'coarse'],
};

/**
 * The workload's plan for a task. With candidates given by the sender its coarse steps are left out,
 * unless nothing else would remain. The plan's id is the task it was written for.
 * @throws {RecordError} `internal` for a workload without plans (refused when workloads are loaded)
 */
export function choosePlan(workload: Pick<Workload, 'name' | 'plans'>, wanted: TaskKind, hasCandidates: boolean): { task: TaskKind; plan: Plan } {
  for (const task of FALLBACKS[wanted]) {
    const template = workload.plans[task];
    if (template === undefined) continue;
    const plan = { id: task, ...template };
    return { task, plan: hasCandidates ? withoutFallbacks(withoutCoarse(plan)) : plan };
  }
  throw new RecordError('internal', `workload ${workload.name} has no plans`);
}

/** Models that make lists of their own are no stand-ins for one that ranks the sender's. */
function withoutFallbacks(plan: Plan): Plan {
  return { ...plan, steps: plan.steps.map(({ fallbacks: _fallbacks, ...step }) => step) };
}

function withoutCoarse(plan: Plan): Plan {
  const given = new Set(plan.steps.filter(({ role }) => role === 'coarse').map(({ id }) => id));
  if (given.size === 0 || given.size === plan.steps.length) return plan;
  const steps = plan.steps.filter(({ id }) => !given.has(id)).map((step) => withoutPredecessors(step, given));
  if (plan.weights === undefined) return { ...plan, steps };
  return { ...plan, steps, weights: Object.fromEntries(Object.entries(plan.weights).filter(([id]) => !given.has(id))) };
}

function withoutPredecessors({ skipWhenConfident, skipAtFloor, ...step }: PlanStep, given: ReadonlySet<string>): PlanStep {
  const after = step.after.filter((id) => !given.has(id));
  // Without a predecessor there is no confidence that a step could be skipped on.
  if (after.length === 0) return { ...step, after };
  return { ...step, after, ...(skipWhenConfident === undefined ? {} : { skipWhenConfident }), ...(skipAtFloor === undefined ? {} : { skipAtFloor }) };
}
