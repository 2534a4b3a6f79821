import type { AssignedPartition } from '../assigned-partition.ts';
import { keyOf } from '../topic-partition.ts';
import type { FetchedQueue } from './fetched-queue.ts';

/** In place of an offset where nothing is committed. */
export const NEVER = -1;

/** By `keyOf`. */
export type CommittedOffsets = ReadonlyMap<string, number>;

/**
 * After a membership was lost: whether somebody else has got further on the partition meanwhile, or may have. If not,
 * everything below the committed offset, and what is in flight, is ours as before.
 */
export function isOvertaken(partition: AssignedPartition<FetchedQueue>, committed: CommittedOffsets): boolean {
  const ours = partition.tracker.watermark ?? partition.queue.position ?? 0;
  return (committed.get(keyOf(partition)) ?? NEVER) > ours;
}

/** Whether it is known where the partition is read. */
export function isKnown({ queue }: AssignedPartition<FetchedQueue>): boolean {
  return queue.position !== undefined;
}
