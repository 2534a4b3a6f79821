import type { Outcome, StepResult, StepRun, Task, Work } from '@tandem/schemas';
import { messageOf } from '@tandem/shared/errors';
import type { ServedVariant } from './served-variant.ts';

export interface Timing {
  batchSize: number;
  queueMs: number;
  computeMs: number;
}

export function completedOutcome(work: Work, { variant }: ServedVariant, result: StepResult, timing: Timing): Outcome {
  const { model, precision, version } = variant;
  const run: StepRun = { model, precision, version, ...timing, reason: work.reason, ...(work.pool === undefined ? {} : { pool: work.pool }) };
  return { kind: 'completed', ...common(work), run, result };
}

export function expiredOutcome(work: Work): Outcome {
  return { kind: 'expired', ...common(work), model: work.model, precision: work.precision };
}

export function failedOutcome(work: Work, error: unknown): Outcome {
  const { model, precision } = work;
  const message = `${model}.${precision}: ${messageOf(error)}`;
  return { kind: 'failed', ...common(work), code: 'step_failed', message, model, precision };
}

/** The scheduler keeps no task, so what a later step needs travels on; the last step's outcome is spared it. */
function common({ step, task, previous }: Work): { requestId: string; step: string; task?: Task; previous?: Record<string, StepResult> } {
  const isLast = !task.plan.steps.some(({ after }) => after.includes(step));
  const base = { requestId: task.requestId, step };
  return isLast ? base : { ...base, task, previous };
}
