import { workTopicName, type StepEnd, type StepOutcome, type Work } from '@tandem/schemas';
import { endsSoFar, isOfArm, type ClusterState, type ExperimentBook, type ShadowRuling, type VariantState } from '@tandem/shared/core';
import { JsonOutput, type StageOutput } from '@tandem/shared/runner';

/** A copy that has not run by then never does. */
const PATIENCE_MS = 2_000;
/** Copies on their way, of one scheduler. */
const AT_MOST = 64;
/** Machines busier than this have nothing to spare for copies. */
const BUSY_FROM = 0.85;
/** Nor has a variant whose own work waits for longer, ms. */
const LONGEST_BACKLOG_MS = 20;

type Completed = StepOutcome & { kind: 'completed' };

/**
 * Copies of work for arms that shadow. Made once the step is done, so that they can delay nothing; they take the lane of bulk work, which gets
 * what interactive work leaves, and there are none while the machines are busy.
 */
export class ShadowCopies {
  readonly #experiments: ExperimentBook;
  readonly #prefix: string;
  /** When each was sent, by request and arm; in that order. */
  readonly #underWay = new Map<string, number>();

  constructor(experiments: ExperimentBook, prefix: string) {
    this.#experiments = experiments;
    this.#prefix = prefix;
  }

  of(outcome: Completed, cluster: () => ClusterState, now: number): StageOutput[] {
    const { task, step: id } = outcome;
    const step = task.plan.steps.find((one) => one.id === id);
    const rulings = step === undefined ? [] : this.#experiments.shadows(task, step);
    if (rulings.length === 0) return [];
    const state = cluster();
    if (useOf(state) >= BUSY_FROM) return [];
    return rulings.flatMap((ruling) => this.#copy(outcome, ruling, state, now) ?? []);
  }

  /** One came back. */
  returned(requestId: string, arm: string): void {
    this.#underWay.delete(`${arm} ${requestId}`);
  }

  #copy(outcome: Completed, { arm, experiment, model }: ShadowRuling, cluster: ClusterState, now: number): StageOutput | undefined {
    const { task } = outcome;
    const place = cluster.variantsOf(arm.model ?? model).find((state) => state.workers > 0 && isOfArm(arm, model, state) && !isThatOf(outcome, state));
    if (place === undefined || (cluster.forecast(place, task.tier)?.backlogMs ?? 0) > LONGEST_BACKLOG_MS || !this.#hasRoom(now)) return undefined;
    this.#underWay.set(`${arm.name} ${task.requestId}`, now);
    const { variant: { model: copyModel, precision }, pool } = place;
    const { provisional: _provisional, ...rest } = task;
    const work: Work = {
      step: outcome.step, model: copyModel, precision, reason: `a copy for arm ${arm.name} of experiment ${experiment}`, dispatchedAt: now,
      task: { ...rest, lane: 'bulk', deadlineAt: now + PATIENCE_MS }, previous: endsSoFar(outcome), shadow: { experiment, arm: arm.name }, ...(pool === undefined ? {} : { pool }),
    };
    return new JsonOutput(workTopicName(this.#prefix, 'bulk', { model: copyModel, precision, pool }), task.key, work);
  }

  #hasRoom(now: number): boolean {
    for (const [key, at] of this.#underWay) {
      if (now - at <= 2 * PATIENCE_MS) break;
      this.#underWay.delete(key);
    }
    return this.#underWay.size < AT_MOST;
  }
}

function useOf({ resources }: ClusterState): number {
  return resources?.accelerator?.use ?? resources?.cpuUse ?? 0;
}

/** The answer came from there: a copy would tell nothing. */
function isThatOf({ run }: StepEnd & { kind: 'completed' }, { variant, pool, versions }: VariantState): boolean {
  return run.model === variant.model && run.precision === variant.precision && run.pool === pool && (versions ?? []).every((version) => version === run.version);
}
