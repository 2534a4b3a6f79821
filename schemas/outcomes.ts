import type { ErrorCode, Reason } from './codes.ts';
import type { Task } from './classifier-to-scheduler.ts';

/** Ranked items, best first; scores beside them. */
export interface RankedItems {
  items: number[];
  scores: number[];
  confidence?: number;
}

export interface ClassScores {
  labels: string[];
  probabilities: number[];
  confidence?: number;
}

export type StepResult = RankedItems | ClassScores;

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
}

interface OutcomeBase {
  requestId: string;
  /** The task, where a later step or the response may need it from here. */
  task?: Task;
  /** Results of the steps before this one, for those that come after it. */
  previous?: Record<string, StepResult>;
}

/** Topic `outcomes`: what became of each step. One topic, one key, one order. */
export type Outcome =
  | (OutcomeBase & { kind: 'completed'; step: string; run: StepRun; result: StepResult })
  | (OutcomeBase & { kind: 'skipped'; step: string; reason: string })
  | (OutcomeBase & { kind: 'expired'; step: string; model?: string; precision?: string })
  | (OutcomeBase & { kind: 'failed'; step: string; code: ErrorCode; message: string; model?: string; precision?: string })
  | RejectedOutcome;

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
