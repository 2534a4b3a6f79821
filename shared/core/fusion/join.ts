import { CANCELLED } from '@tandem/schemas';
import type {
  ErrorCode, PlanStep, Reason, ResponseStep, Status, StepEnd, StepEnds, StepOutcome, StepResult, StepRun, Task,
} from '@tandem/schemas';
import { STRATEGIES, type StepWithResult } from './strategies.ts';

/** What a join comes to. The caller adds what only it knows: ids and times. */
export interface Verdict {
  status: Exclude<Status, 'rejected' | 'provisional'>;
  reason?: Reason;
  /** Undefined: no step gave one; the caller's fallback decides between degraded and failed. */
  result: StepResult | undefined;
  steps: ResponseStep[];
  error?: { code: ErrorCode; message: string };
  /** A step was dropped because the sender took the request back. */
  cancelled: boolean;
}

/** Every field, so that one that is added cannot be forgotten here. */
type All<Fields> = { [Field in keyof Fields]-?: Fields[Field] | undefined };
type Whole<Kind extends StepEnd['kind']> = All<StepEnd & { kind: Kind }>;

/** What is the end's own. Field by field: the rest of a destructured record costs many times as much, twice for each outcome. */
function endOf(outcome: StepOutcome): StepEnd {
  return wholeEndOf(outcome) as StepEnd;
}

function wholeEndOf(outcome: StepOutcome): Whole<'completed'> | Whole<'skipped'> | Whole<'expired'> | Whole<'failed'> {
  switch (outcome.kind) {
    case 'completed': return { kind: outcome.kind, run: outcome.run, result: outcome.result, parts: outcome.parts } satisfies Whole<'completed'>;
    case 'skipped': return { kind: outcome.kind, reason: outcome.reason } satisfies Whole<'skipped'>;
    case 'expired': return { kind: outcome.kind, model: outcome.model, precision: outcome.precision } satisfies Whole<'expired'>;
    case 'failed': return { kind: outcome.kind, code: outcome.code, message: outcome.message, model: outcome.model, precision: outcome.precision } satisfies Whole<'failed'>;
  }
}

/** What an outcome tells: the ends of its own step and of those before it. */
export function endsSoFar(outcome: StepOutcome): StepEnds {
  return { ...outcome.previous, [outcome.step]: endOf(outcome) };
}

/** The outcomes of one request, joined by its plan. Pure: time comes in with the calls. */
export class Join {
  readonly task: Task;
  readonly #ends = new Map<string, StepEnd>();

  constructor(task: Task) {
    this.task = task;
  }

  /** The first completed end of a step stands; a completed one replaces any other. */
  add(outcome: StepOutcome): void {
    for (const step of Object.keys(outcome.previous)) if (step !== outcome.step) this.#end(step, outcome.previous[step]!);
    this.#end(outcome.step, endOf(outcome));
  }

  #end(step: string, end: StepEnd): void {
    const before = this.#ends.get(step);
    if (before === undefined || (before.kind !== 'completed' && end.kind === 'completed')) this.#ends.set(step, end);
  }

  /** Every step of the plan has an outcome (a plan without steps is complete from the start). */
  get complete(): boolean {
    for (const { id } of this.task.plan.steps) if (!this.#ends.has(id)) return false;
    return true;
  }

  /** Steps that have an outcome. */
  get ended(): number {
    return this.#ends.size;
  }

  /** Of the steps so far: outcomes that told of progress. */
  get parts(): number {
    let parts = 0;
    for (const end of this.#ends.values()) if (end.kind === 'completed') parts += end.parts ?? 0;
    return parts;
  }

  /** The answer with what has arrived. @param wanted so many items of a ranking are shown */
  verdict(wanted = Infinity): Verdict {
    const results = this.#results();
    const reason = this.#reason();
    const error = this.#error();
    const result = this.#requiredMissing() || results.length === 0 ? undefined : STRATEGIES[this.task.plan.strategy](results, this.task.plan, wanted);
    const status = result === undefined ? 'failed' : reason === undefined ? 'complete' : 'degraded';
    const verdict: Verdict = { status, result, steps: this.#steps(), cancelled: this.#isCancelled() };
    if (reason !== undefined) verdict.reason = reason;
    if (error !== undefined) verdict.error = error;
    return verdict;
  }

  #results(): StepWithResult[] {
    const results: StepWithResult[] = [];
    for (const step of this.task.plan.steps) {
      const outcome = this.#ends.get(step.id);
      if (outcome?.kind === 'completed') results.push({ step, result: outcome.result });
    }
    return results;
  }

  #requiredMissing(): boolean {
    for (const { id, required } of this.task.plan.steps) if (required && this.#ends.get(id)?.kind !== 'completed') return true;
    return false;
  }

  /** Why the answer is less than the plan; a skipped step is a decision, not a loss. */
  #reason(): Reason | undefined {
    let [isExpired, failed]: [boolean, StepEnd | undefined] = [false, undefined];
    for (const { id } of this.task.plan.steps) {
      const end = this.#ends.get(id);
      if (end === undefined) return 'deadline';
      if (end.kind === 'expired') isExpired = true;
      else if (end.kind === 'failed') failed ??= end;
    }
    if (isExpired) return 'expired';
    if (failed?.kind !== 'failed') return undefined;
    return failed.code === 'no_variant' || failed.code === 'overload' ? failed.code : 'step_failed';
  }

  #isCancelled(): boolean {
    for (const end of this.#ends.values()) if (end.kind === 'skipped' && end.reason === CANCELLED) return true;
    return false;
  }

  #error(): Verdict['error'] {
    for (const outcome of this.#ends.values()) {
      if (outcome.kind === 'failed') return { code: outcome.code, message: outcome.message };
    }
    return undefined;
  }

  #steps(): ResponseStep[] {
    const steps: ResponseStep[] = [];
    for (const step of this.task.plan.steps) {
      const outcome = this.#ends.get(step.id);
      if (outcome !== undefined) steps.push(responseStep(step, outcome));
    }
    return steps;
  }
}

/** Field by field: to spread a record behind another field costs many times as much. */
function ranStep(step: string, { model, precision, version, pool, batchSize, queueMs, computeMs, reason, cached, experiment }: StepRun): ResponseStep {
  const ran: All<StepRun> & { step: string } = { step, model, precision, version, pool, batchSize, queueMs, computeMs, reason, cached, experiment };
  return ran as ResponseStep;
}

function responseStep(step: PlanStep, outcome: StepEnd): ResponseStep {
  if (outcome.kind === 'completed') return ranStep(step.id, outcome.run);
  const none = { step: step.id, model: step.model, precision: 'none', version: '', batchSize: 0, queueMs: 0, computeMs: 0 };
  if (outcome.kind === 'skipped') return { ...none, reason: `skipped: ${outcome.reason}` };
  if (outcome.kind === 'expired') return { ...none, reason: 'expired: the deadline had passed' };
  return { ...none, reason: `failed: ${outcome.code}` };
}
