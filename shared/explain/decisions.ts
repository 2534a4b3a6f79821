import { DEAD_LETTER_HEADER, RETRY_HEADER, type Outcome, type RejectedOutcome, type Request, type Response, type Task, type Work } from '@tandem/schemas';
import { readExpectation } from '../core/index.ts';
import type { ExplainedDecision, PathRecord } from './types.ts';

/** What each record says of decisions, in the order of time. */
export function decisionsOf(path: readonly PathRecord[]): ExplainedDecision[] {
  const request = path.find(({ kind }) => kind === 'request')?.value as Partial<Request> | undefined;
  return path.flatMap((entry) => decisionsIn(entry, request)).sort((a, b) => a.time - b.time);
}

function decisionsIn({ kind, record, value }: PathRecord, request: Partial<Request> | undefined): ExplainedDecision[] {
  const { timestamp: time, headers } = record;
  switch (kind) {
    case 'task': return [classified(value as Task, request, time)];
    case 'work': return [dispatched(value as Work, time)];
    case 'outcome': return [cameOf(value as Outcome, time)];
    case 'response': return [answered(value as Response, time)];
    case 'retry': return [{ stage: 'runner', time, what: `put off (${headers[RETRY_HEADER.attempts] ?? '?'} attempts so far)`, why: `not before ${isoOf(headers[RETRY_HEADER.notBefore])}` }];
    case 'dead-letter': return [{ stage: headers[DEAD_LETTER_HEADER.stage] ?? '', time, what: `dead letter: ${headers[DEAD_LETTER_HEADER.code] ?? ''}`, why: headers[DEAD_LETTER_HEADER.message] ?? '' }];
    case 'cancellation': return [{ stage: 'classifier', time, what: 'taken back', why: 'the sender cancelled the request' }];
    case 'request': return [];
  }
}

function isoOf(epochMs: string | undefined): string {
  const time = Number(epochMs);
  return Number.isFinite(time) && epochMs !== undefined ? new Date(time).toISOString() : '?';
}

function classified(task: Task, request: Partial<Request> | undefined, time: number): ExplainedDecision {
  const { task: kind, lane, tier, activity, accuracyFloor, marks, plan, interactions } = task;
  const asked = request?.hints?.task === undefined ? undefined : `the request asks for it (hints.task ${request.hints.task})`;
  const facts = [
    asked ?? `activity ${activity.toFixed(2)}`,
    interactions === undefined ? '' : `${interactions} interactions known`,
    accuracyFloor === null ? '' : `accuracy floor ${accuracyFloor}`,
    ...marks,
  ];
  const steps = plan.steps.map(({ id, model, after }) => `${id} on ${model}${after.length === 0 ? '' : ` after ${after.join(', ')}`}`);
  return { stage: 'classifier', time, what: `${kind}, ${lane}, tier ${tier}: ${steps.join('; ') || 'no step'} (${plan.strategy})`, why: facts.filter((fact) => fact !== '').join(', ') };
}

function dispatched({ step, model, precision, pool, reason, tried, dispatchedAt, shadow }: Work, time: number): ExplainedDecision {
  const predicted = readExpectation(reason);
  const again = tried === undefined ? '' : ` (after ${tried.join(', ')} would not run it)`;
  return {
    stage: 'scheduler', time: Math.min(time, dispatchedAt), step, what: `${shadow === undefined ? 'dispatched' : 'copied'} to ${model}.${precision}${pool === undefined ? '' : ` in pool ${pool}`}${again}`, why: reason,
    ...(predicted === undefined ? {} : { predicted }),
  };
}

function cameOf(outcome: Outcome, time: number): ExplainedDecision {
  if (outcome.kind === 'rejected') return rejected(outcome, time);
  const { step } = outcome;
  switch (outcome.kind) {
    case 'completed': return completed(outcome, time);
    case 'skipped': return { stage: 'scheduler', time, step, what: 'skipped', why: outcome.reason };
    case 'expired': return { stage: 'worker', time, step, what: `expired${named(outcome)}`, why: 'its deadline had passed before it ran' };
    case 'failed': return { stage: 'worker', time, step, what: `failed${named(outcome)}: ${outcome.code}`, why: outcome.message };
    case 'progress': return { stage: 'worker', time, step, what: `so far, on ${outcome.run.model}.${outcome.run.precision}`, why: 'a provisional answer was asked for' };
    case 'shadow': return { stage: 'worker', time, step, what: `a copy for arm ${outcome.shadow.arm} of ${outcome.shadow.experiment}: ${outcome.end.kind}`, why: 'it answers nobody' };
    case 'redispatch': return { stage: 'worker', time, step, what: `handed back${named(outcome)}: ${outcome.code}`, why: outcome.message };
  }
}

function named({ model, precision }: { model?: string; precision?: string }): string {
  return model === undefined ? '' : ` on ${model}.${precision ?? ''}`;
}

function rejected({ code, message, reason }: RejectedOutcome, time: number): ExplainedDecision {
  return { stage: 'classifier', time, what: `rejected: ${reason} (${code})`, why: message };
}

function completed({ step, run }: Outcome & { kind: 'completed' }, time: number): ExplainedDecision {
  const { model, precision, version, batchSize, queueMs, computeMs, reason, cached } = run;
  const predicted = readExpectation(reason);
  return {
    stage: 'worker', time, step, what: `completed on ${model}.${precision} version ${version}`,
    why: cached === true ? 'the result of an identical step was used' : `in a batch of ${batchSize}`,
    ...(predicted === undefined ? {} : { predicted }),
    actual: { queueMs, computeMs },
  };
}

function answered({ status, reason, final, latencyMs, error }: Response, time: number): ExplainedDecision {
  const why = [reason, error === undefined ? undefined : `${error.code}: ${error.message}`].filter((text) => text !== undefined).join('; ');
  return { stage: 'fusion', time, what: `${final ? 'answered' : 'answered for now'}: ${status} after ${Math.round(latencyMs)} ms`, why: why === '' ? 'every step of the plan has answered or was skipped' : why };
}
