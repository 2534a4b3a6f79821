import type { ErrorCode, Lane, Outcome, StepResult, Work } from '@tandem/schemas';
import type { RecordSpan } from '@tandem/shared/telemetry';
import type { Timing } from './outcomes.ts';
import type { ServedVariant } from './served-variant.ts';
import type { Suspicion } from './run-counts.ts';

/** Work that has been read and not yet answered. */
export interface PendingWork extends Submission {
  /** The graph of the variant that it runs on. */
  graph: string;
}

/** Why a record goes to the dead letters, beside its outcome. */
export interface RecordFault {
  code: ErrorCode;
  message: string;
  attempts: number;
}

export interface Submission {
  work: Work;
  served: ServedVariant;
  lane: Lane;
  /** Whom it is for, as its producer says; shares are fair among tenants. */
  tenant?: string | undefined;
  /** Of the record, where its trace is known. */
  span?: RecordSpan | undefined;
  /** It may have ended a process before. */
  suspicion?: Suspicion | undefined;
  /** Tells what there is so far, any number of times before the answer. Undefined: nobody wants to know. @param part how many were told before */
  progress?: ((result: StepResult, timing: Timing, part: number) => void) | undefined;
  /** Settles the record: exactly one of the two is called, once. With a fault the record goes to the dead letters too. */
  answer(outcome: Outcome, fault?: RecordFault): void;
  handBack(error: unknown): void;
}
