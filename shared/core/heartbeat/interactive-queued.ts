import type { VariantLoad } from '@tandem/schemas';

/** Requests that wait at a worker and are not bulk, which waits for whatever is left. */
export function interactiveQueued({ queued, bulkQueued, bulkBacklog = 0 }: VariantLoad): number {
  // Older workers do not say how much of the backlog of bulk is still in the log: where it is larger than what waits, that may be anything.
  return Math.max(0, queued - (bulkQueued ?? bulkBacklog));
}
