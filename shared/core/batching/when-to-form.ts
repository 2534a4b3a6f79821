import type { BatchQueue } from './batch-queue.ts';
import { largestBatch, mayFormAhead } from './form-batch.ts';
import type { BatchSituation } from './types.ts';

/** The next batch is formed this long before a session is expected to be free: later it is larger, too late it idles. */
const AHEAD_MS = 2;

/**
 * From when on a batch may be formed, epoch ms; Infinity: there is nothing to form, or not before something changes. Ahead of a free
 * session only where waiting could not make the batch larger, or the session is nearly free.
 * @param running batches, formed ones among them
 */
export function whenToForm<T>(queue: BatchQueue<T>, situation: BatchSituation, running: number): number {
  const { now, startsAt, sessions, limits } = situation;
  const largest = largestBatch(queue, situation);
  if (largest === 0) return Infinity;
  if (running < sessions) return now;
  if (!mayFormAhead(queue, situation)) return Infinity;
  return largest >= limits.maxBatchSize ? now : Math.max(now, startsAt - AHEAD_MS);
}
