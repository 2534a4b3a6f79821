import type { Response } from '@tandem/schemas';
import type { Expectation } from '../core/index.ts';
import type { LogRecord } from '../log/index.ts';

/** What a record of a request’s path is. */
export type RecordKind = 'request' | 'cancellation' | 'task' | 'work' | 'outcome' | 'response' | 'retry' | 'dead-letter';

/** A record of the request's path, as it lies in the log. */
export interface PathRecord {
  kind: RecordKind;
  record: LogRecord;
  /** Parsed; undefined where the bytes are not JSON. */
  value: unknown;
}

/** One record of the path, without its value. */
export interface PathEvent {
  kind: RecordKind;
  /** Epoch ms: the broker's append time. */
  time: number;
  topic: string;
  partition: number;
  offset: number;
  /** In a few words. */
  what: string;
}

/** What a stage decided, or what came of it, and why. */
export interface ExplainedDecision {
  stage: string;
  time: number;
  /** Of the plan; absent: about the request as a whole. */
  step?: string;
  what: string;
  why: string;
  /** What the scheduler expected when it decided. */
  predicted?: Expectation;
  /** What came of it, as far as the outcome says, ms. */
  actual?: Partial<Expectation>;
}

/** Where the time went; times count from the request's append time. */
export interface WaterfallSpan {
  stage: string;
  label: string;
  startMs: number;
  durationMs: number;
}

/** A request's whole path. */
export interface Explanation {
  requestId: string;
  workload?: string;
  userId?: string;
  /** The broker's append time of the request, epoch ms. Absent: neither request nor task is in the log any more. */
  arrivedAt?: number;
  deadlineAt?: number | null;
  events: PathEvent[];
  decisions: ExplainedDecision[];
  waterfall: WaterfallSpan[];
  /** Provisional ones first. */
  responses: Response[];
  /** What is not in the log, and why that may be. */
  notes: string[];
}
