import type { ChosenItem, DecodingStart, Sequence } from '@tandem/shared/core';
import type { PendingWork } from '../pending-work.ts';

/** A piece of work that is decoded, and what has come of it so far. */
export interface Slate {
  pending: PendingWork;
  start: DecodingStart;
  chosen: ChosenItem[];
  /** Calls it was in, their sequences and time: for the outcome. */
  calls: number;
  companions: number;
  computeMs: number;
  /** Calls that failed with it. */
  failures: number;
  /** Before its first call, ms. */
  queueMs: number | undefined;
  /** How often it has told what it has so far, and when last, ms. */
  parts: number;
  toldAt: number | undefined;
}

export type SlateSequence = Sequence<Slate>;

export function newSlate(pending: PendingWork, start: DecodingStart): Slate {
  return { pending, start, chosen: [], calls: 0, companions: 0, computeMs: 0, failures: 0, queueMs: undefined, parts: 0, toldAt: undefined };
}
