import type { BatchGroup, BatchQueue } from './batch-queue.ts';
import type { BatchSituation, BatchTimes, QueuedWork } from './types.ts';

/** Larger batches may cost so much per request: sizes that have not been measured are tried, being predicted in proportion. */
const WORTH_A_TRY = 1.01;
/** Of the time between arrival and deadline, such a batch may take this share. */
const MOST_OF_GIVEN = 0.5;
/** Of a group with less waiting than makes an efficient batch so much is kept, where there is enough in all groups together. */
const LEAST_KEPT = 0.5;

/**
 * While work is being lost, gives up what has so little time left that only a small batch would be in time for it. Under
 * overload the next in line is always about to expire; batches made to fit it are small and dear, so that still more expires: with
 * a curve of 4 + 0.1 n ms a tenth of the throughput is left. Who lets a few go instead loses fewer (early drop: Shen et al., Nexus,
 * SOSP 2019). Nothing is given up while nothing is being lost, nor below what makes an efficient batch, of all groups together: where there are many
 * groups each has less than that, and each one's next in line is about to expire.
 */
export function giveUp<T>(queue: BatchQueue<T>, group: BatchGroup<T>, { now, startsAt, times, limits }: BatchSituation): QueuedWork<T>[] {
  if (!queue.isOverloaded(now)) return [];
  const efficient = efficientSize(group, times, limits.maxBatchSize);
  if (waitingIn(queue) <= efficient) return [];
  const waiting = group.interactive.size;
  const size = waiting > efficient ? efficient : Math.ceil(waiting * LEAST_KEPT);
  const ms = times.predict(group.name, size);
  return ms === undefined ? [] : queue.giveUp(group, startsAt + ms, size, now);
}

function waitingIn<T>({ groups }: BatchQueue<T>): number {
  let waiting = 0;
  for (const { interactive } of groups) waiting += interactive.size;
  return waiting;
}

/** What costs least per request. */
function efficientSize<T>({ name, givenMs }: BatchGroup<T>, times: BatchTimes, most: number): number {
  const msOf = (size: number) => times.predict(name, size) ?? 0;
  let best = 1;
  for (let size = 2; size <= most && msOf(size) <= MOST_OF_GIVEN * givenMs; size *= 2) {
    if (msOf(size) / size <= (WORTH_A_TRY * msOf(best)) / best) best = size;
  }
  return best;
}
