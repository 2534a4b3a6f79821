import type { Heartbeat, Plan, PlanStep, SchedulerReport, StepEnds, StepOutcome, Task, Variant } from '@tandem/schemas';
import { Cluster, decide, endsSoFar, nextStep, readySteps, TOO_MUCH, type ClusterState, type Decision, type PlaceNames, type Policy } from '@tandem/shared/core';
import type { SimRequest, SimWork } from './sim-request.ts';

/** As many as the scheduler's. */
const MAX_REDISPATCHES = 2;
const NOTHING_YET: StepEnds = {};
const UNTRIED: readonly string[] = [];

export interface SimSchedulerOptions {
  policy: Policy;
  variants: readonly Variant[];
  names: PlaceNames;
  /** Fusion answers so long before a deadline. */
  answerMarginMs: number;
  dispatch(work: SimWork, now: number): void;
  /** What became of a step that is not dispatched. */
  end(request: SimRequest, outcome: StepOutcome, now: number): void;
}

interface StepOfRequest {
  request: SimRequest;
  step: PlanStep;
  previous: StepEnds;
  tried: readonly string[];
}

/** The scheduler stage in virtual time: the same decisions, by the same picture of the workers. */
export class SimScheduler {
  readonly #options: SimSchedulerOptions;
  readonly #cluster: Cluster;
  #state: ClusterState | undefined;
  /** Real clocks tick in milliseconds: so often is the picture drawn anew. */
  #stateAt = -1;
  #waiting: StepOfRequest[] = [];
  /** Of each plan, what can run from the start. */
  readonly #first = new Map<Plan, readonly PlanStep[]>();
  /** Of each plan, steps that others come after. */
  readonly #followed = new Map<Plan, ReadonlySet<string>>();
  readonly #counts = { dispatched: 0, refused: 0, bulk: 0 };

  constructor(options: SimSchedulerOptions) {
    this.#options = options;
    this.#cluster = new Cluster({ variants: options.variants, startedAt: 0, answerMarginMs: options.answerMarginMs });
  }

  heard(heartbeat: Heartbeat, now: number): void {
    this.#cluster.beat(heartbeat, now);
    this.#state = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const at of waiting) this.#decide(at, now);
  }

  /** A worker has said goodbye. */
  left(instance: string, now: number): void {
    this.#cluster.heard(instance, null, now);
    this.#state = undefined;
  }

  /** What it tells whoever scales workers. */
  report(instance: string, now: number): SchedulerReport {
    return { kind: 'scheduler', instance, time: now, ...this.#counts, waiting: this.#waiting.length };
  }

  begin(request: SimRequest, now: number): void {
    const { plan, deadlineAt } = request.task;
    let ready = this.#first.get(plan);
    if (ready === undefined) this.#first.set(plan, (ready = readySteps(plan.steps, NOTHING_YET, undefined)));
    if (deadlineAt === null && ready.length > 1) ready = ready.slice(0, 1);
    if (this.#cluster.refuses(request.task, request.partition, now)) {
      for (const step of ready) this.#refuse({ request, step, previous: NOTHING_YET, tried: UNTRIED }, TOO_MUCH, now);
      return;
    }
    for (const step of ready) this.#decide({ request, step, previous: NOTHING_YET, tried: UNTRIED }, now);
  }

  goOn(request: SimRequest, outcome: StepOutcome, now: number): void {
    this.#cluster.ended(outcome, request.partition, now);
    this.#cluster.returned(outcome, now);
    this.#options.policy.returned?.(outcome, now);
    if (this.#goesOn(request.task, outcome.step)) this.#next(request, endsSoFar(outcome), outcome.step, now);
  }

  /** A worker would not run it. */
  redispatch({ request, step, previous, tried, variant }: SimWork, now: number): void {
    this.#cluster.returned({ requestId: request.task.requestId, step: step.id, kind: 'redispatch' }, now);
    const refused = [...tried, variant];
    const at = { request, step, previous, tried: refused };
    if (refused.length <= MAX_REDISPATCHES) this.#decide(at, now);
    else this.#end(at, { kind: 'fail', code: 'variant_unavailable', reason: 'refused too often' }, now);
  }

  /** Something may come next: with a deadline what comes after the step, without one any other. */
  #goesOn({ plan, deadlineAt }: Task, step: string): boolean {
    if (deadlineAt === null) return plan.steps.length > 1;
    let followed = this.#followed.get(plan);
    if (followed === undefined) this.#followed.set(plan, (followed = new Set(plan.steps.flatMap(({ after }) => after))));
    return followed.has(step);
  }

  /** As the stage does it: without a deadline one step after the other, else all that can run. */
  #next(request: SimRequest, previous: StepEnds, done: string, now: number): void {
    const { plan: { steps }, deadlineAt } = request.task;
    const ready = deadlineAt === null ? nextStep(steps, previous) : readySteps(steps, previous, done);
    for (const step of ready) this.#decide({ request, step, previous, tried: UNTRIED }, now);
  }

  #decide(at: StepOfRequest, now: number): void {
    const { request: { task }, step, previous, tried } = at;
    const decision = decide(this.#options.policy, { task, step, previous, tried, now, cluster: this.#picture(now), explain: false });
    this.#count(decision, task);
    if (decision.kind === 'wait') this.#waiting.push(at);
    else if (decision.kind === 'dispatch') this.#dispatch(at, decision, now);
    else this.#refuse(at, decision, now);
  }

  #count({ kind }: Decision, { lane }: Task): void {
    if (lane === 'bulk') this.#counts.bulk += kind === 'dispatch' ? 1 : 0;
    else if (kind === 'dispatch') this.#counts.dispatched += 1;
    else if (kind === 'fail' || kind === 'expire') this.#counts.refused += 1;
  }

  #refuse(at: StepOfRequest, decision: Exclude<Decision, { kind: 'dispatch' | 'wait' }>, now: number): void {
    if (decision.kind === 'fail' && decision.code === 'overload') this.#cluster.shed(at.step.model, now);
    this.#end(at, decision, now);
  }

  #dispatch({ request, step, previous, tried }: StepOfRequest, decision: Decision & { kind: 'dispatch' }, now: number): void {
    const { model, precision, pool, reason, forecast } = decision;
    const { requestId, lane, tier } = request.task;
    this.#cluster.dispatched({ requestId, step: step.id, lane, tier, dispatchedAt: now, forecast, model, precision, pool });
    const dueAt = this.#cluster.dueAt(request.task, now);
    this.#options.dispatch({ request, step, previous, tried, model, precision, pool, reason, variant: this.#options.names.of(model, precision, undefined), dispatchedAt: now, dueAt, heldAt: -1, takenAs: 0 }, now);
  }

  #end({ request, step, previous }: StepOfRequest, decision: Exclude<Decision, { kind: 'dispatch' | 'wait' }>, now: number): void {
    const base = { requestId: request.task.requestId, step: step.id, task: request.task, previous };
    const outcome: StepOutcome = decision.kind === 'skip' ? { ...base, kind: 'skipped', reason: decision.reason }
      : decision.kind === 'expire' ? { ...base, kind: 'expired' }
        : { ...base, kind: 'failed', code: decision.code, message: decision.reason };
    this.#options.end(request, outcome, now);
  }

  #picture(now: number): ClusterState {
    const tick = Math.floor(now);
    if (this.#state === undefined || this.#stateAt !== tick) {
      this.#state = this.#cluster.state(now);
      this.#stateAt = tick;
    }
    return this.#state;
  }
}
