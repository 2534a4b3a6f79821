import type { BatchGroup } from './batch-queue.ts';
import type { BatchSituation } from './types.ts';

/** A larger batch must save at least this share of the time per request. */
const LEAST_GAIN = 0.1;
/** Below this share of the sessions' time, waiting buys nothing: there is time to run small batches. */
const LEAST_UTILISATION = 0.8;

/**
 * Until when a free session should wait for company, epoch ms; undefined: it should not. Waiting raises goodput only
 * if sessions are short (utilisation at the present batch size), a preferred size is cheaper per request by the
 * measured curve, enough work is expected within the delay by its rate of arrival, and everyone's deadline allows it.
 */
export function worthWaitingUntil<T>({ name, interactive, arrivals }: BatchGroup<T>, situation: BatchSituation): number | undefined {
  const { now, startsAt, sessions, times, limits } = situation;
  const { size, earliestDeadline } = interactive;
  const wanted = limits.preferredBatchSizes.find((preferred) => preferred > size && preferred <= limits.maxBatchSize);
  const next = interactive.peek();
  if (wanted === undefined || next === undefined) return undefined;
  const until = next.work.enqueuedAt + limits.maxQueueDelayMs;
  if (until <= now) return undefined;
  const nowMs = times.predict(name, size);
  const wantedMs = times.predict(name, wanted);
  if (nowMs === undefined || wantedMs === undefined || startsAt + nowMs > earliestDeadline) return undefined;
  const pays = wantedMs / wanted <= (1 - LEAST_GAIN) * (nowMs / size);
  const inTime = until + wantedMs <= earliestDeadline;
  if (!pays || !inTime) return undefined;
  const rate = arrivals.at(now);
  const short = (rate * nowMs) / size / sessions >= LEAST_UTILISATION;
  const willCome = wanted - size <= rate * (until - now);
  return short && willCome ? until : undefined;
}
