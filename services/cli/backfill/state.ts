import { TandemError } from '@tandem/shared/errors';
import type { OffsetRange } from './replay-source.ts';

const VERSION = 1;

/** What lies beside the output, so that a job can go on after its process has ended in whatever way. */
export interface BackfillState {
  version: typeof VERSION;
  job: string;
  fingerprint: string;
  idSuffix: string;
  /** Of topics. */
  prefix: string;
  /** False: the log has gone with the process. */
  durable: boolean;
  /** Of the topic of requests, for a replay. */
  ranges?: OffsetRange[];
  /** Ends of the topics when the job began, by partition. */
  starts: { requests: number[]; responses: number[]; deadLetters: number[] };
  /** Every response before these offsets is in the first `outputBytes` of the output, and those are durable. */
  responses: number[];
  outputBytes: number;
  /** For people. */
  answered: number;
  savedAt: string;
}

export function newState(state: Omit<BackfillState, 'version'>): BackfillState {
  return { version: VERSION, ...state };
}

/**
 * Our own file: its shape is that of its version.
 * @throws {TandemError} `state_unreadable`
 */
export function parseState(text: string): BackfillState {
  try {
    const state = JSON.parse(text) as Partial<BackfillState> | null;
    if (state?.version === VERSION && typeof state.job === 'string' && Array.isArray(state.responses)) return state as BackfillState;
  } catch {
    // As any other text that is not a state.
  }
  throw new TandemError('the state beside the output cannot be read (of another version?): --restart begins anew', { code: 'state_unreadable' });
}
