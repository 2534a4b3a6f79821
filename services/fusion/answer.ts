import type { StageOutput } from '@tandem/shared/runner';
import type { CompactId } from './compact-ids.ts';

/** A response, and what it answers. */
export interface Answer {
  requestId: string;
  /** Of the request. */
  id: CompactId;
  /** Of the request, epoch ms. */
  arrivedAt: number;
  output: StageOutput;
  /** Not the final one: it may as well not be written, and answers nothing. */
  isProvisional?: true;
}
