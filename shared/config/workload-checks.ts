import type { Workload } from '@tandem/schemas';
import { isTimeZone } from '../core/index.ts';

type PlanTemplate = NonNullable<Workload['plans'][keyof Workload['plans']]>;

/** What a workload's shape cannot say: each as `path: what is wrong; what would be valid`. */
export function workloadProblems(workload: Workload, models: ReadonlySet<string> | undefined): string[] {
  const plans = Object.entries(workload.plans);
  const problems = plans.length === 0 ? ['plans: there is none; give at least one of coarse, fine, full'] : [];
  const { defaultTask } = workload;
  if (defaultTask !== undefined && plans.length > 0 && workload.plans[defaultTask] === undefined) {
    problems.push(`defaultTask: there is no plan ${defaultTask}; there is ${plans.map(([task]) => task).join(', ')}`);
  }
  if (workload.precompute !== undefined && workload.freshness === 'off') problems.push('precompute: results are not kept where freshness is off; give freshness, as "5 minutes", or leave precompute out');
  return [...problems, ...ruleProblems(workload), ...plans.flatMap(([task, plan]) => planProblems(plan, models).map((problem) => `plans.${task}.${problem}`))];
}

function ruleProblems({ timeZone = 'UTC', rules = [] }: Workload): string[] {
  const problems = isTimeZone(timeZone) ? [] : [`timeZone: there is no ${timeZone}; give one as Europe/Berlin or UTC`];
  for (const [index, { when, set }] of rules.entries()) {
    if ((when.from === undefined) !== (when.until === undefined)) problems.push(`rules.${index}.when: from and until belong together`);
    if (when.from !== undefined && when.from === when.until) problems.push(`rules.${index}.when: from and until are the same; leave both out for the whole day`);
    if (Object.keys(set).length === 0) problems.push(`rules.${index}.set: is empty; give task, accuracyFloor, tier or precision`);
  }
  return problems;
}

function planProblems(plan: PlanTemplate, models: ReadonlySet<string> | undefined): string[] {
  return [
    ...repeatedIds(plan),
    ...plan.steps.flatMap((_step, index) => stepProblems(plan, index, models).map((problem) => `steps.${index}.${problem}`)),
    ...cycles(plan),
    ...strangeWeights(plan),
  ];
}

function repeatedIds({ steps }: PlanTemplate): string[] {
  const ids = steps.map(({ id }) => id);
  return ids.flatMap((id, index) => (ids.indexOf(id) < index ? [`steps.${index}.id: ${id} is taken by an earlier step`] : []));
}

function stepProblems({ steps }: PlanTemplate, index: number, models: ReadonlySet<string> | undefined): string[] {
  const step = steps[index];
  if (step === undefined) return [];
  const others = steps.map(({ id }) => id).filter((id) => id !== step.id);
  const problems = step.after
    .filter((id) => !others.includes(id))
    .map((id) => `after: there is no other step ${id}; there is ${listed(others)}`);
  if (step.after.length > 1) problems.push(`after: names ${step.after.length} steps; a step can come after one step (its outcomes bring along what came before)`);
  if ((step.skipWhenConfident ?? step.skipAtFloor) !== undefined && step.after.length === 0) {
    problems.push(`${step.skipWhenConfident === undefined ? 'skipAtFloor' : 'skipWhenConfident'}: needs a step before this one; name it in after`);
  }
  if ((step.part === undefined) !== (step.of === undefined)) problems.push('part: part and of belong together');
  if (step.part !== undefined && step.of !== undefined && step.part > step.of) problems.push(`part: is ${step.part} of ${step.of}; at most ${step.of}`);
  for (const other of step.fallbacks ?? []) {
    if (models !== undefined && !models.has(other)) problems.push(`fallbacks: the registry has no stable ${other}; it has ${listed([...models])}`);
    if (other === step.model) problems.push(`fallbacks: ${other} is the step’s own model; name others`);
  }
  if (models !== undefined && !models.has(step.model)) problems.push(`model: the registry has no stable ${step.model}; it has ${listed([...models])}`);
  return problems;
}

/** Steps that wait for themselves: what is left after taking away, again and again, steps whose predecessors are gone. */
function cycles({ steps }: PlanTemplate): string[] {
  const known = new Set(steps.map(({ id }) => id));
  let left = steps.map(({ id, after }) => ({ id, after: after.filter((before) => known.has(before) && before !== id) }));
  for (let before = -1; left.length !== before; ) {
    before = left.length;
    const waiting = new Set(left.map(({ id }) => id));
    left = left.filter(({ after }) => after.some((id) => waiting.has(id)));
  }
  return left.length === 0 ? [] : [`steps: ${listed(left.map(({ id }) => id))} wait for one another; after must not go in a circle`];
}

function strangeWeights({ steps, weights = {} }: PlanTemplate): string[] {
  const ids = steps.map(({ id }) => id);
  const strange = Object.keys(weights).filter((id) => !ids.includes(id));
  return strange.map((id) => `weights.${id}: there is no such step; there is ${listed(ids)}`);
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
