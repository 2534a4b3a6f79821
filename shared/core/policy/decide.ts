import type { PlanStep } from '@tandem/schemas';
import type { Decision, DecisionContext, Policy, VariantState } from './types.ts';

function confidenceBefore({ step, previous }: DecisionContext): number | undefined {
  for (const id of step.after) {
    const end = previous[id];
    if (end?.kind === 'completed' && end.result.confidence !== undefined) return end.result.confidence;
  }
  return undefined;
}

function confidentEnough(context: DecisionContext): Decision | undefined {
  const { skipWhenConfident } = context.step;
  const confidence = confidenceBefore(context);
  if (skipWhenConfident === undefined || confidence === undefined || confidence < skipWhenConfident) return undefined;
  return { kind: 'skip', reason: `confidence ${confidence.toFixed(3)} ≥ ${skipWhenConfident}` };
}

/**
 * The accuracy floor is a share of the best variant's validated accuracy, never an absolute (DESIGN §6).
 * Where nothing meets it, the most accurate remain.
 */
export function meetingFloor(variants: readonly VariantState[], floor: number | null): readonly VariantState[] {
  const accuracy = ({ variant }: VariantState) => variant.accuracy.value;
  const best = Math.max(...variants.map(accuracy));
  const meeting = variants.filter((state) => accuracy(state) >= (floor ?? 0) * best);
  return meeting.length > 0 ? meeting : variants.filter((state) => accuracy(state) === best);
}

/**
 * Variants that are served now. Where none is, work waits for a worker to come, unless a deadline would pass
 * meanwhile: then the answer is degraded at once.
 */
function servable({ task, step, cluster }: DecisionContext): readonly VariantState[] {
  const variants = cluster.variantsOf(step.model);
  const served = variants.filter(({ workers }) => workers > 0);
  if (served.length > 0) return served;
  if (cluster.settled && task.deadlineAt !== null) return [];
  const known = variants.filter(({ everServed }) => everServed);
  return known.length > 0 ? known : variants;
}

/** Everything about a step that no policy changes; the rest is the policy's. */
export function decide(policy: Policy, context: DecisionContext): Decision {
  const { task, step, now } = context;
  if (task.deadlineAt !== null && task.deadlineAt <= now) return { kind: 'expire', reason: 'deadline passed' };
  const confident = confidentEnough(context);
  if (confident !== undefined) return confident;
  const variants = servable(context);
  if (variants.length === 0) return { kind: 'fail', code: 'no_variant', reason: `no worker serves ${step.model}` };
  return policy.choose(context, meetingFloor(variants, task.accuracyFloor));
}

/** Steps that can run once `done` are through: all of what they come after is among them. */
export function readySteps(steps: readonly PlanStep[], done: ReadonlySet<string>, justDone: string | undefined): PlanStep[] {
  return steps.filter((step) =>
    justDone === undefined ? step.after.length === 0 : step.after.includes(justDone) && step.after.every((id) => done.has(id)),
  );
}
