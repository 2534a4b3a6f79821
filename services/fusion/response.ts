import type { Reason, RejectedOutcome, Response, StepResult, Task, Variant } from '@tandem/schemas';
import type { Adapter, Verdict } from '@tandem/shared/core';
import { RecordError, messageOf } from '@tandem/shared/errors';

/** The largest share of a response that is not its result. */
function base(requestId: string, workload: string, userId: string | undefined, arrivedAt: number, now: number) {
  return {
    requestId,
    workload,
    ...(userId === undefined ? {} : { userId }),
    final: true,
    sequence: 0,
    latencyMs: Math.max(0, now - arrivedAt),
    time: now,
  };
}

/** What the classifier noticed, where the join itself found nothing wrong. */
function markedReason({ marks }: Task): Reason | undefined {
  if (marks.includes('unknown_user')) return 'unknown_user';
  return marks.includes('features_stale') ? 'features_stale' : undefined;
}

interface Answer {
  result: StepResult | undefined;
  fellBack: boolean;
}

function answer(task: Task, verdict: Verdict, adapter: Adapter, variants: readonly Variant[]): Answer {
  if (verdict.result !== undefined) return { result: verdict.result, fellBack: false };
  const required = task.plan.steps.some((step) => step.required);
  return { result: required ? undefined : adapter.fallback(task.input, variants), fellBack: true };
}

/** What is known before the final response; undefined: nothing that could be shown. */
export function provisionalResponse(task: Task, { result, steps, cancelled }: Verdict, adapter: Adapter, sequence: number, now: number): Response | undefined {
  if (result === undefined || cancelled) return undefined;
  const reason = markedReason(task);
  return {
    ...base(task.requestId, task.workload, task.userId, task.arrivedAt, now),
    final: false,
    sequence,
    status: 'provisional',
    ...(reason === undefined ? {} : { reason }),
    result: adapter.present(result, task.input),
    steps,
  };
}

/** The one final response of a request. */
export function finalResponse(task: Task, verdict: Verdict, adapter: Adapter, variants: readonly Variant[], now: number): Response {
  if (verdict.cancelled) return cancelledResponse(task, now);
  if (verdict.result === undefined && verdict.reason === 'overload') return shedResponse(task, verdict, now);
  const { result, fellBack } = answer(task, verdict, adapter, variants);
  const reason = verdict.reason ?? markedReason(task);
  const error = result === undefined ? (verdict.error ?? { code: 'step_failed' as const, message: `no step gave an answer (${reason ?? 'none ran'})` }) : verdict.error;
  return {
    ...base(task.requestId, task.workload, task.userId, task.arrivedAt, now),
    status: result === undefined ? 'failed' : fellBack ? 'degraded' : verdict.status,
    ...(reason === undefined ? {} : { reason }),
    ...(result === undefined ? {} : { result: adapter.present(result, task.input) }),
    steps: verdict.steps,
    ...(error === undefined ? {} : { error }),
  };
}

/** Nobody has begun with it: the sender may try elsewhere, or later, with less. */
function shedResponse({ requestId, workload, userId, arrivedAt }: Task, { steps, error }: Verdict, now: number): Response {
  const why = error ?? { code: 'overload' as const, message: 'the flow has more work than it can do in time' };
  return { ...base(requestId, workload, userId, arrivedAt, now), status: 'rejected', reason: 'overload', steps, error: why };
}

export function rejectedResponse(rejected: RejectedOutcome, now: number): Response {
  const { requestId, workload, userId, arrivedAt, reason, code, message } = rejected;
  return { ...base(requestId, workload, userId, arrivedAt, now), status: 'rejected', reason, steps: [], error: { code, message } };
}

export function cancelledResponse({ requestId, workload, userId, arrivedAt }: Task, now: number): Response {
  const error = { code: 'cancelled', message: 'the sender took the request back' } as const;
  return { ...base(requestId, workload, userId, arrivedAt, now), status: 'rejected', reason: 'cancelled', steps: [], error };
}

/** A defect of Tandem or of an adapter must not leave a request without its answer. */
export function defectResponse({ requestId, workload, userId, arrivedAt }: Pick<Task, 'requestId' | 'workload' | 'userId' | 'arrivedAt'>, error: unknown, now: number): Response {
  const code = error instanceof RecordError ? error.code : 'internal';
  const message = `the outcomes could not be merged: ${messageOf(error)}`;
  return { ...base(requestId, workload, userId, arrivedAt, now), status: 'failed', reason: 'step_failed', steps: [], error: { code, message } };
}
