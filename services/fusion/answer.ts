import type { StageOutput } from '@tandem/shared/runner';

/** A response, and what it answers. */
export interface Answer {
  requestId: string;
  /** Of the request, `topic/partition/offset`. */
  source: string;
  /** Of the request, epoch ms. */
  arrivedAt: number;
  output: StageOutput;
}
