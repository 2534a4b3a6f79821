import { topicName, type Cancellation, type PlanStep, type StepEnds, type StepOutcome, type Task, type Work } from '@tandem/schemas';
import type { Decision, RuledDecision, ServedPool } from '@tandem/shared/core';
import { JsonOutput, type StageOutput } from '@tandem/shared/runner';
import { WorkTopics } from './work-topics.ts';

/** Not put off. */
export type Made = Exclude<Decision, { kind: 'wait' }>;

/** What an experiment has to do with it. */
export type OnTrial = Omit<RuledDecision, 'decision'>;

/** Where records go. */
export interface Destinations {
  outcomes: string;
  work: WorkTopics;
}

/** @param prefix of all topics */
export function destinations(prefix: string): Destinations {
  return { outcomes: topicName(prefix, 'outcomes'), work: new WorkTopics(prefix) };
}

/** One step of one request, and what came before it. */
export interface StepOfTask {
  task: Task;
  step: PlanStep;
  previous: StepEnds;
  /** Variants that would not run it. */
  tried?: readonly string[];
}

/** When a decision was made, and by when a worker has to be through with what it gives out; epoch ms. */
export interface Times {
  now: number;
  /** Undefined: the request has no deadline. */
  dueAt?: number | undefined;
}

function workOutput({ work: topics }: Destinations, { task, step, previous, tried = [] }: StepOfTask, decision: Decision & { kind: 'dispatch' }, { now, dueAt }: Times, { experiment, rescuable }: OnTrial): StageOutput {
  const { model, precision, pool, reason } = decision;
  const work: Work = { step: step.id, model, precision, reason, dispatchedAt: now, task, previous };
  if (dueAt !== undefined) work.dueAt = dueAt;
  if (pool !== undefined) work.pool = pool;
  if (tried.length > 0) work.tried = [...tried];
  if (experiment !== undefined) work.experiment = experiment;
  if (rescuable === true) work.rescuable = rescuable;
  return new JsonOutput(topics.of(task.lane, decision), task.key, work);
}

function outcome({ task, step, previous }: StepOfTask, decision: Exclude<Made, { kind: 'dispatch' }>): StepOutcome {
  const base = { requestId: task.requestId, step: step.id, task, previous };
  if (decision.kind === 'skip') return { ...base, kind: 'skipped', reason: decision.reason };
  if (decision.kind === 'expire') return { ...base, kind: 'expired' };
  return { ...base, kind: 'failed', code: decision.code, message: decision.reason };
}

/** A decision as the record that carries it out. */
export function output(to: Destinations, at: StepOfTask, decision: Made, times: Times, onTrial: OnTrial): StageOutput {
  if (decision.kind === 'dispatch') return workOutput(to, at, decision, times, onTrial);
  return new JsonOutput(to.outcomes, at.task.key, outcome(at, decision));
}

/** A cancellation follows the work that it is about: to all places where that may wait. */
export function cancellationOutputs({ work }: Destinations, cancellation: Cancellation, pools: readonly ServedPool[]): StageOutput[] {
  return pools.flatMap((pool) =>
    (['interactive', 'bulk'] as const).map((lane) => new JsonOutput(work.of(lane, pool), cancellation.key, cancellation)));
}
