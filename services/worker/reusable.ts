import type { StepResult } from '@tandem/schemas';

/** A step's result, for identical steps. */
export interface Reusable {
  readonly result: StepResult;
  /** What one request's share of its batch took, ms: saved whenever the result is used again. */
  readonly computeMs: number;
  /** It was computed ahead of any request. */
  readonly ahead?: true;
}
