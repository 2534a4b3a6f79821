import type { Random } from '@tandem/shared/clock';
import { median } from '@tandem/shared/statistics';
import { byTurns, recorded, type HopTimes, type Playback } from '@tandem/simulator';
import type { LoggedStep } from './step-log.ts';
import type { Answered, TappedRun } from './tapped.ts';

/** A request's ways, ms, and when it was due. */
interface Ways {
  atMs: number;
  sendMs: number;
  /** From the broker's time until its step was dispatched. */
  requestsMs: number;
  /** From the end of its batch until its answer was made. */
  outcomesMs: number;
  backMs: number;
}

const madeAt = ({ dueMs, latencyMs, backMs }: Answered) => dueMs + latencyMs - backMs;

/** Of all requests whose step ran. Where its result came too late for the answer, how long it took to be read is what it takes in the mean. */
function waysOf({ answers, steps }: TappedRun): Ways[] {
  const byRequest = new Map(answers.filter(({ dueMs }) => Number.isFinite(dueMs)).map((answer) => [answer.requestId, answer]));
  const ran = steps.flatMap(({ ran: run, outcomeAt, ...step }) => (run === undefined || outcomeAt === undefined || !byRequest.has(step.requestId) ? [] : [{ ...step, ran: run, outcomeAt }]));
  const isTaken = ({ requestId }: Pick<LoggedStep, 'requestId'>) => byRequest.get(requestId)!.status === 'complete';
  const taken = ran.filter(isTaken);
  const readMs = taken.length === 0 ? 0 : median(taken.map((step) => madeAt(byRequest.get(step.requestId)!) - step.outcomeAt));
  return ran.map((step) => {
    const answer = byRequest.get(step.requestId)!;
    const heardAt = isTaken(step) ? madeAt(answer) : step.outcomeAt + readMs;
    return {
      atMs: answer.dueMs, sendMs: answer.sendMs, backMs: answer.backMs, requestsMs: Math.max(0, step.dispatchedAt - step.arrivedAt), outcomesMs: Math.max(0, heardAt - step.ran.endedAt),
    };
  });
}

/** The last run below a rate and the first one above it; at the ends the same twice. */
export function neighbours(runs: readonly TappedRun[], perSecond: number): [TappedRun, TappedRun] {
  const sorted = runs.toSorted((a, b) => a.figures.offeredPerSecond - b.figures.offeredPerSecond);
  const above = sorted.findIndex(({ figures }) => figures.offeredPerSecond >= perSecond);
  return [sorted.at(above < 0 ? -1 : Math.max(0, above - 1))!, sorted.at(above)!];
}

/** How far a rate is from the lower one towards the upper one, 0..1. */
export function shareOfUpper([lower, upper]: readonly [TappedRun, TappedRun], perSecond: number): number {
  const [low, high] = [lower.figures.offeredPerSecond, upper.figures.offeredPerSecond];
  return high === low ? 0 : Math.max(0, Math.min(1, (perSecond - low) / (high - low)));
}

/** At a rate between two runs their recordings are played by turns. Played, not drawn: stalls delay neighbours together. */
function waysAt(runs: readonly TappedRun[], perSecond: number): Playback<Ways> {
  const near = neighbours(runs.filter((run) => waysOf(run).length > 0), perSecond);
  const [lower, upper] = near.map((run) => recorded(waysOf(run))) as [Playback<Ways>, Playback<Ways>];
  return byTurns(lower, upper, shareOfUpper(near, perSecond));
}

/**
 * From what records say. How long the way to the worker takes cannot be told from the wait there; it is a record written by one process and read by
 * another, as the way back is, and at the same moment takes as long.
 */
export function hopsOf(runs: readonly TappedRun[], perSecond: number): HopTimes {
  const ways = waysAt(runs, perSecond);
  const outcomes = (random: Random, now: number) => ways(random, now).outcomesMs;
  return {
    send: (random, now) => ways(random, now).sendMs, requests: (random, now) => ways(random, now).requestsMs, tasks: () => 0,
    work: outcomes, outcomes, responses: (random, now) => ways(random, now).backMs,
  };
}
