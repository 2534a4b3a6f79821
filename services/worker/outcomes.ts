import { CANCELLED } from '@tandem/schemas';
import type { ErrorCode, Outcome, ProgressOutcome, RedispatchOutcome, ShadowOutcome, StepOutcome, StepResult, StepRun, Work } from '@tandem/schemas';
import { messageOf } from '@tandem/shared/errors';
import type { ServedVariant } from './served-variant.ts';

type Completed = Extract<StepOutcome, { kind: 'completed' }>;

export interface Timing {
  batchSize: number;
  queueMs: number;
  computeMs: number;
}

export function completedOutcome(work: Work, { variant }: ServedVariant, result: StepResult, timing: Timing): Completed {
  const { model, precision, version } = variant;
  const run: StepRun = { model, precision, version, ...timing, reason: work.reason, ...(work.pool === undefined ? {} : { pool: work.pool }), ...(work.experiment === undefined ? {} : { experiment: work.experiment }) };
  return { kind: 'completed', ...common(work), run, result };
}

/** What a step has so far. @param part how many were told before */
export function progressOutcome(work: Work, served: ServedVariant, result: StepResult, timing: Timing, part: number): ProgressOutcome {
  const { run } = completedOutcome(work, served, result, timing);
  return { kind: 'progress', ...common(work), run, result, part };
}

/** @param result of an identical step */
export function cachedOutcome(work: Work, served: ServedVariant, result: StepResult, now: number): StepOutcome {
  const timing = { batchSize: 0, queueMs: Math.max(0, Math.round(now - work.dispatchedAt)), computeMs: 0 };
  const outcome = completedOutcome(work, served, result, timing);
  return { ...outcome, run: { ...outcome.run, cached: true } };
}

export function expiredOutcome(work: Work): StepOutcome {
  return { kind: 'expired', ...common(work), model: work.model, precision: work.precision };
}

export function cancelledOutcome(work: Work): StepOutcome {
  return { kind: 'skipped', ...common(work), reason: CANCELLED };
}

export function failedOutcome(work: Work, error: unknown, code: ErrorCode = 'step_failed'): StepOutcome & { kind: 'failed' } {
  const { model, precision } = work;
  const message = `${model}.${precision}: ${messageOf(error)}`;
  return { kind: 'failed', ...common(work), code, message, model, precision };
}

export function redispatchOutcome(work: Work, message: string): RedispatchOutcome {
  const { model, precision, tried = [] } = work;
  return { kind: 'redispatch', ...common(work), code: 'variant_unavailable', message, model, precision, tried: [...tried, `${model}.${precision}`] };
}

/** Whatever became of a copy, nobody is to take it for the outcome of the step. Undefined: it is no copy. */
export function shadowOutcome({ task, step, previous, shadow }: Work, outcome: Outcome): ShadowOutcome | undefined {
  if (shadow === undefined || outcome.kind === 'progress' || outcome.kind === 'rejected' || outcome.kind === 'shadow') return undefined;
  const base = { kind: 'shadow' as const, requestId: task.requestId, step, task, previous, shadow };
  if (outcome.kind === 'redispatch') return { ...base, end: { kind: 'failed', code: outcome.code, message: outcome.message } };
  const { requestId: _requestId, step: _step, task: _task, previous: _previous, ...end } = outcome;
  return { ...base, end };
}

function common({ step, task, previous }: Work): Pick<StepOutcome, 'requestId' | 'step' | 'task' | 'previous'> {
  return { requestId: task.requestId, step, task, previous };
}
