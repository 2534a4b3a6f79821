import type { Wait } from './pace.ts';

/** How a job is doing. */
export interface BackfillProgress {
  job: string;
  resumed: boolean;
  /** Of the input, 0..1, that has been read; undefined where its end is not known. */
  read: number | undefined;
  exhausted: boolean;
  valid: number;
  bad: number;
  answered: number;
  answeredBefore: number;
  failed: number;
  outstanding: number;
  waitingFor: Wait;
  seconds: number;
}
