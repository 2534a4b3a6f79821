import type { ErrorCode, Reason } from './codes.ts';
import type { StepArm, TaskArm } from './experiment.ts';
import type { Task } from './classifier-to-scheduler.ts';

/** Ranked items, best first; scores beside them. */
export interface RankedItems {
  items: number[];
  scores: number[];
  confidence?: number;
}

/** What a classifier gives for one request; `probabilities` in the order of `labels`. */
export interface ClassScores {
  labels: string[];
  probabilities: number[];
  confidence?: number;
}

/** What a model gives for one step, before it is fused. */
export type StepResult = RankedItems | ClassScores;

/** How a step ran: on which variant, in how large a batch, and for how long. */
export interface StepRun {
  model: string;
  precision: string;
  version: string;
  pool?: string;
  batchSize: number;
  /** From dispatch until the batch began, ms. */
  queueMs: number;
  /** The batch's inference, ms. */
  computeMs: number;
  reason: string;
  /** The result is that of an identical step: it was in no batch and took no inference. */
  cached?: true;
  experiment?: StepArm;
}

/** Reason of a step that was skipped because the sender took the request back. */
export const CANCELLED = 'cancelled';

/** What became of one step. `parts`: so many progress outcomes went before it; absent: none. */
export type StepEnd =
  | { kind: 'completed'; run: StepRun; result: StepResult; parts?: number }
  | { kind: 'skipped'; reason: string }
  | { kind: 'expired'; model?: string; precision?: string }
  | { kind: 'failed'; code: ErrorCode; message: string; model?: string; precision?: string };

/** Step ends by step id. */
export type StepEnds = Record<string, StepEnd>;

/**
 * Topic `outcomes`: what became of each step. One topic, one key, one order. Self-contained: with the task and the ends
 * of the steps before it, so that the scheduler keeps no task, and fusion can answer from the last outcome alone.
 */
export type StepOutcome = { requestId: string; step: string; task: Task; previous: StepEnds } & StepEnd;

/** What lies in topic `outcomes`: how steps ended, and what else fusion and the scheduler have to know of a request. */
export type Outcome = StepOutcome | ProgressOutcome | RedispatchOutcome | RejectedOutcome | ShadowOutcome;

/** What a step that takes a while has so far, where the task wants provisional answers. Fusion answers with it; everyone else ignores it. */
export interface ProgressOutcome {
  kind: 'progress';
  requestId: string;
  step: string;
  task: Task;
  previous: StepEnds;
  run: StepRun;
  result: StepResult;
  /** How many of this step went before it. */
  part: number;
}

/**
 * A worker would not run the step, since the variant is taken out for a while. Not the end of the step: the scheduler
 * decides it again without the variants in `tried`, or ends it as failed. Everyone else ignores it.
 */
export interface RedispatchOutcome {
  kind: 'redispatch';
  requestId: string;
  step: string;
  task: Task;
  previous: StepEnds;
  code: ErrorCode;
  message: string;
  model: string;
  precision: string;
  /** `model.precision` of each variant that would not run it, this one last. */
  tried: string[];
}

/** What an arm that shadows made of work that is done: compared with `previous[step]`, and otherwise ignored by everyone. */
export interface ShadowOutcome {
  kind: 'shadow';
  requestId: string;
  step: string;
  task: Task;
  /** With the end of the step itself. */
  previous: StepEnds;
  shadow: TaskArm;
  end: StepEnd;
}

/** A request that never became a task; fusion answers it. */
export interface RejectedOutcome {
  kind: 'rejected';
  requestId: string;
  workload: string;
  userId?: string;
  reason: Reason;
  code: ErrorCode;
  message: string;
  arrivedAt: number;
  source: string;
}
