import type { Response, ShadowOutcome, StepResult, TaskArm } from '@tandem/schemas';
import type { ArmAnswer } from './experiment-tally.ts';

const TOP = 10;
/** Reasons that say something about the request or its user, not about how it was served. */
const FINE: ReadonlySet<string> = new Set(['unknown_user', 'features_stale']);

/** What an answer says of its arm. Undefined: nothing, since the sender took the request back or sent a wrong one. */
export function answerOfArm({ status, reason, latencyMs, steps }: Pick<Response, 'status' | 'reason' | 'latencyMs' | 'steps'>, { experiment }: TaskArm): ArmAnswer | undefined {
  if (status === 'rejected' && reason !== 'overload') return undefined;
  const decided = steps.flatMap((step) => (step.experiment?.name === experiment ? [step.experiment] : []));
  const isLess = status !== 'complete' && !(status === 'degraded' && reason !== undefined && FINE.has(reason));
  return {
    latencyMs,
    isBad: isLess || decided.some(({ instead }) => instead === 'failed' || instead === 'unserved'),
    hasYielded: decided.some(({ instead }) => instead === 'late'),
  };
}

function bestOf(result: StepResult): readonly (string | number)[] {
  if ('items' in result) return result.items.slice(0, TOP);
  const best = result.probabilities.indexOf(Math.max(...result.probabilities));
  return [result.labels[best] ?? ''];
}

/** Of what a copy found best, the share that the answer found best too: of the first ten items, or the one label. Undefined: there is nothing to compare. */
export function agreement({ step, previous, end }: Pick<ShadowOutcome, 'step' | 'previous' | 'end'>): number | undefined {
  const answered = previous[step];
  if (answered?.kind !== 'completed' || end.kind !== 'completed') return undefined;
  const given = new Set(bestOf(answered.result));
  const found = bestOf(end.result);
  return found.length === 0 ? undefined : found.filter((each) => given.has(each)).length / Math.max(given.size, found.length);
}
