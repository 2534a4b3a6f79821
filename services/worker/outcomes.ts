import { CANCELLED } from '@tandem/schemas';
import type { ErrorCode, RedispatchOutcome, StepOutcome, StepResult, StepRun, Work } from '@tandem/schemas';
import { messageOf } from '@tandem/shared/errors';
import type { ServedVariant } from './served-variant.ts';

export interface Timing {
  batchSize: number;
  queueMs: number;
  computeMs: number;
}

export function completedOutcome(work: Work, { variant }: ServedVariant, result: StepResult, timing: Timing): StepOutcome {
  const { model, precision, version } = variant;
  const run: StepRun = { model, precision, version, ...timing, reason: work.reason, ...(work.pool === undefined ? {} : { pool: work.pool }) };
  return { kind: 'completed', ...common(work), run, result };
}

/** @param result of an identical step */
export function cachedOutcome(work: Work, served: ServedVariant, result: StepResult, now: number): StepOutcome {
  const timing = { batchSize: 0, queueMs: Math.max(0, Math.round(now - work.dispatchedAt)), computeMs: 0 };
  const outcome = completedOutcome(work, served, result, timing);
  return outcome.kind === 'completed' ? { ...outcome, run: { ...outcome.run, cached: true } } : outcome;
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

function common({ step, task, previous }: Work): Pick<StepOutcome, 'requestId' | 'step' | 'task' | 'previous'> {
  return { requestId: task.requestId, step, task, previous };
}
