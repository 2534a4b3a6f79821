import type { ErrorCode, Outcome, PlanStep, Reason, ResponseStep, Status, StepResult, Task } from '@tandem/schemas';
import { STRATEGIES, type StepWithResult } from './strategies.ts';

export type StepOutcome = Exclude<Outcome, { kind: 'rejected' }>;

/** What a join comes to. The caller adds what only it knows: ids and times. */
export interface Verdict {
  status: Exclude<Status, 'rejected'>;
  reason?: Reason;
  /** Undefined: no step gave one; the caller's fallback decides between degraded and failed. */
  result: StepResult | undefined;
  steps: ResponseStep[];
  error?: { code: ErrorCode; message: string };
}

/** The outcomes of one request, joined by its plan. Pure: time comes in with the calls. */
export class Join {
  readonly task: Task;
  readonly #outcomes = new Map<string, StepOutcome>();

  constructor(task: Task) {
    this.task = task;
  }

  /** The first completed outcome of a step stands; a completed one replaces any other. */
  add(outcome: StepOutcome): void {
    const before = this.#outcomes.get(outcome.step);
    if (before === undefined || (before.kind !== 'completed' && outcome.kind === 'completed')) {
      this.#outcomes.set(outcome.step, outcome);
    }
  }

  /** Every step of the plan has an outcome (a plan without steps is complete from the start). */
  get complete(): boolean {
    return this.task.plan.steps.every(({ id }) => this.#outcomes.has(id));
  }

  /** The answer with what has arrived. */
  verdict(): Verdict {
    const results = this.#results();
    const reason = this.#reason();
    const error = this.#error();
    const result = this.#requiredMissing() || results.length === 0 ? undefined : STRATEGIES[this.task.plan.strategy](results, this.task.plan);
    return {
      status: result === undefined ? 'failed' : reason === undefined ? 'complete' : 'degraded',
      ...(reason === undefined ? {} : { reason }),
      result,
      steps: this.#steps(),
      ...(error === undefined ? {} : { error }),
    };
  }

  #results(): StepWithResult[] {
    return this.task.plan.steps.flatMap((step) => {
      const outcome = this.#outcomes.get(step.id);
      return outcome?.kind === 'completed' ? [{ step, result: outcome.result }] : [];
    });
  }

  #requiredMissing(): boolean {
    return this.task.plan.steps.some(({ id, required }) => required && this.#outcomes.get(id)?.kind !== 'completed');
  }

  /** Why the answer is less than the plan; a skipped step is a decision, not a loss. */
  #reason(): Reason | undefined {
    const kinds = this.task.plan.steps.map(({ id }) => this.#outcomes.get(id));
    if (kinds.includes(undefined)) return 'deadline';
    if (kinds.some((outcome) => outcome?.kind === 'expired')) return 'expired';
    const failed = kinds.find((outcome) => outcome?.kind === 'failed');
    if (failed === undefined) return undefined;
    return failed.code === 'no_variant' || failed.code === 'overload' ? failed.code : 'step_failed';
  }

  #error(): Verdict['error'] {
    for (const outcome of this.#outcomes.values()) {
      if (outcome.kind === 'failed') return { code: outcome.code, message: outcome.message };
    }
    return undefined;
  }

  #steps(): ResponseStep[] {
    return this.task.plan.steps.flatMap((step) => {
      const outcome = this.#outcomes.get(step.id);
      return outcome === undefined ? [] : [responseStep(step, outcome)];
    });
  }
}

function responseStep(step: PlanStep, outcome: StepOutcome): ResponseStep {
  if (outcome.kind === 'completed') return { step: step.id, ...outcome.run };
  const none = { step: step.id, model: step.model, precision: 'none', version: '', batchSize: 0, queueMs: 0, computeMs: 0 };
  if (outcome.kind === 'skipped') return { ...none, reason: `skipped: ${outcome.reason}` };
  if (outcome.kind === 'expired') return { ...none, reason: 'expired: the deadline had passed' };
  return { ...none, reason: `failed: ${outcome.code}` };
}
