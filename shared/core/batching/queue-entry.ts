import type { Lane } from '@tandem/schemas';
import type { HeapItem } from './binary-heap.ts';
import type { QueuedWork } from './types.ts';

/** One piece of work in a queue; removes it again. */
export interface QueueEntry<T> extends HeapItem {
  readonly work: QueuedWork<T>;
  /** Epoch ms. */
  readonly due: number;
  readonly sequence: number;
  /** Where it waits now: interactive work that has been put off waits with bulk. */
  lane: Lane;
  /** Its places among what expires and what times out; undefined: it does neither. Of all entries, so that they have one shape. */
  expiry: TimedEntry<T> | undefined;
  timeout: TimedEntry<T> | undefined;
}

/** An entry's place in a heap by some other time than its due one. */
export interface TimedEntry<T> extends HeapItem {
  /** Epoch ms. */
  readonly time: number;
  readonly entry: QueueEntry<T>;
}

export function isSooner(a: TimedEntry<unknown>, b: TimedEntry<unknown>): boolean {
  return a.time < b.time;
}

/** Earliest due first; equal ones in order of arrival. */
export function isBefore(a: { due: number; sequence: number }, b: { due: number; sequence: number }): boolean {
  return a.due < b.due || (a.due === b.due && a.sequence < b.sequence);
}
