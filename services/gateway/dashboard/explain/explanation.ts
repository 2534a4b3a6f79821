import type { Response, TaskKind } from '@tandem/schemas';

/** A request from its beginning to its answer. Times are of the broker, ms from the append of the request. */
export interface Explanation {
  response: Response;
  /** Of the response: where it lies. */
  partition: number;
  offset: number;
  task: { kind: TaskKind; tier: string; lane: string; plan: string[]; deadlineMs: number | null; accuracyFloor: number | null; activity: number } | null;
  /** In the order of their beginnings. Absent stages were chained: they handed on in memory. */
  spans: Span[];
  decisions: DecisionLine[];
  items: { itemId: string; score: number; title: string | null }[];
  /** What could not be found, for a person. */
  notes: string[];
}

export interface Span {
  stage: 'classifier' | 'scheduler' | 'queue' | 'model' | 'fusion';
  /** The plan's step, where it is of one. */
  step: string | null;
  fromMs: number;
  toMs: number;
  what: string;
}

/** What was decided about a step and why, with what was expected and what came of it. */
export interface DecisionLine {
  step: string;
  chosen: string;
  reason: string;
  /** Until the step was to be done, ms; null: the policy did not say. */
  predictedMs: number | null;
  /** From its dispatch until it was done, ms; null: it did not run. */
  actualMs: number | null;
  batchSize: number;
  outcome: string;
}
