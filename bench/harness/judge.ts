import type { Response } from '@tandem/schemas';
import { ndcgAt10 } from '../../services/cli/demo/quality.ts';
import { Latencies } from '@tandem/shared/statistics';

/** A request on its way. */
export interface Sent {
  /** By the schedule, ms of `performance.now()`: a late send counts as latency of the request. */
  dueAt: number;
  /** What the user took next; undefined: not judged. */
  target: string | undefined;
  event: number | undefined;
}

export interface Received {
  /** Index of the request. */
  index: number;
  at: number;
  value: Buffer;
}

/** What came of a run at one rate. */
export interface RunFigures {
  offeredPerSecond: number;
  offered: number;
  answered: number;
  duplicates: number;
  /** Complete answers within the SLO. */
  inTime: number;
  /** Of all that were offered. */
  inTimeShare: number;
  goodputPerSecond: number;
  /** Complete answers behind the SLO, of all that were offered. */
  lateShare: number;
  /** Answered with less than the plan, or refused, of all that were offered. */
  degradedShare: number;
  /** Of complete answers. NaN where there is none. */
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  /** Answers by their status. */
  statuses: Readonly<Record<string, number>>;
}

/** What an answer to an event was worth: 0 is a miss. */
export type Gains = ReadonlyMap<number, number>;

export interface Judged {
  figures: RunFigures;
  gains: Gains;
}

type Answer = Pick<Response, 'status' | 'result'>;

function itemsOf({ result }: Answer): string[] {
  return result !== undefined && 'items' in result ? result.items.map(({ itemId }) => itemId) : [];
}

/**
 * Counts answers. Only complete ones count as goodput: a degraded answer in time is better than none, but it is not what was asked for.
 * @param seconds how long requests were offered
 */
export function judge(sent: readonly Sent[], received: readonly Received[], { seconds, sloMs }: { seconds: number; sloMs: number }): Judged {
  const latencies = new Latencies();
  const gains = new Map<number, number>();
  const statuses: Record<string, number> = {};
  const seen = new Set<number>();
  let [inTime, complete, duplicates] = [0, 0, 0];
  for (const { index, at, value } of received) {
    const request = sent[index];
    if (request === undefined) continue;
    if (seen.has(index)) {
      duplicates += 1;
      continue;
    }
    seen.add(index);
    const answer = JSON.parse(value.toString('utf8')) as Answer;
    statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
    if (request.event !== undefined && request.target !== undefined) gains.set(request.event, ndcgAt10(itemsOf(answer), request.target));
    if (answer.status !== 'complete') continue;
    complete += 1;
    latencies.add(at - request.dueAt);
    inTime += at - request.dueAt <= sloMs ? 1 : 0;
  }
  const shareOf = (count: number) => (sent.length === 0 ? NaN : count / sent.length);
  const figures: RunFigures = {
    offeredPerSecond: sent.length / seconds, offered: sent.length, answered: seen.size, duplicates, inTime,
    inTimeShare: shareOf(inTime), goodputPerSecond: inTime / seconds, lateShare: shareOf(complete - inTime),
    degradedShare: shareOf(seen.size - complete), p50Ms: latencies.percentile(50), p99Ms: latencies.percentile(99), maxMs: latencies.percentile(100), statuses,
  };
  return { figures, gains };
}
