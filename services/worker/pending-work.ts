import type { Outcome, Work } from '@tandem/schemas';
import type { ServedVariant } from './served-variant.ts';

/** Work that has been read and not yet answered. */
export interface PendingWork extends Submission {
  /** The graph of the variant that it runs on. */
  graph: string;
}

export interface Submission {
  work: Work;
  served: ServedVariant;
  /** Settles the record: exactly one of the two is called, once. */
  answer(outcome: Outcome): void;
  handBack(error: unknown): void;
}
