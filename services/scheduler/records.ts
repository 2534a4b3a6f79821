import { topicName, workTopicName, type PlanStep, type StepEnds, type StepOutcome, type Task, type Work } from '@tandem/schemas';
import type { Decision } from '@tandem/shared/core';
import type { StageOutput } from '@tandem/shared/runner';

/** One step of one request, and what came before it. */
export interface StepOfTask {
  task: Task;
  step: PlanStep;
  previous: StepEnds;
}

function workOutput(prefix: string, { task, step, previous }: StepOfTask, decision: Decision & { kind: 'dispatch' }, now: number): StageOutput {
  const { model, precision, pool, reason } = decision;
  const work: Work = { step: step.id, model, precision, reason, dispatchedAt: now, task, previous, ...(pool === undefined ? {} : { pool }) };
  return { topic: workTopicName(prefix, task.lane, { model, precision, pool }), key: task.key, value: JSON.stringify(work) };
}

function outcome({ task, step, previous }: StepOfTask, decision: Exclude<Decision, { kind: 'dispatch' }>): StepOutcome {
  const base = { requestId: task.requestId, step: step.id, task, previous };
  if (decision.kind === 'skip') return { ...base, kind: 'skipped', reason: decision.reason };
  if (decision.kind === 'expire') return { ...base, kind: 'expired' };
  return { ...base, kind: 'failed', code: decision.code, message: decision.reason };
}

/** A decision as the record that carries it out. */
export function output(prefix: string, at: StepOfTask, decision: Decision, now: number): StageOutput {
  if (decision.kind === 'dispatch') return workOutput(prefix, at, decision, now);
  return { topic: topicName(prefix, 'outcomes'), key: at.task.key, value: JSON.stringify(outcome(at, decision)) };
}
