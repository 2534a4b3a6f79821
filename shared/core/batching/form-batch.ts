import type { Lane } from '@tandem/schemas';
import type { BatchGroup, BatchQueue } from './batch-queue.ts';
import { giveUp } from './give-up.ts';
import type { BatchDecision, BatchSituation, BatchTimes, QueuedWork } from './types.ts';
import { worthWaitingUntil } from './worth-waiting.ts';

/**
 * What a free session should run now. Work-conserving: the earliest due work of those whose turn it is goes, with as many
 * of its kind as the measured curve t(batch) allows before the tightest deadline among them; interactive before
 * bulk, except that bulk is never passed over for longer than its bound. A session is kept waiting only where that is worth it
 * (see worthWaitingUntil). No I/O; time comes in with the situation. Takes what it decides on out of the queue.
 */
export function formBatch<T>(queue: BatchQueue<T>, situation: BatchSituation): BatchDecision<T> {
  const before = takeExpired(queue, situation);
  const decision = formLiveBatch(queue, situation);
  return before.length === 0 ? decision : { ...decision, expired: [...before, ...decision.expired] };
}

/** As `formBatch`, where `takeExpired` has taken out what had expired at this moment: to look for it goes through all groups. */
export function formLiveBatch<T>(queue: BatchQueue<T>, situation: BatchSituation): BatchDecision<T> {
  const chosen = chooseGroup(queue, situation);
  if (chosen === undefined) return { expired: NOTHING };
  const { group, lane } = chosen;
  if (lane === 'bulk') return { expired: NOTHING, batch: { group: group.name, lane, work: queue.takeBulk(group, bulkSize(queue, group, situation), situation.now) } };
  const waitUntil = worthWaitingUntil(group, situation);
  if (waitUntil !== undefined) return { expired: NOTHING, waitUntil };
  const expired = giveUp(queue, group, situation);
  // Somebody's turn it was, before something was given up.
  if (expired.length > 0 && group.interactive.peek() === undefined) return instead(queue, situation, expired);
  return { expired, batch: { group: group.name, lane, work: takeInteractive(queue, group, situation) } };
}

/** All of the group whose turn it was has been given up, and what is left of it has to wait for its turn: another group goes. */
function instead<T>(queue: BatchQueue<T>, situation: BatchSituation, expired: readonly QueuedWork<T>[]): BatchDecision<T> {
  const decision = formBatch(queue, situation);
  return { ...decision, expired: [...expired, ...decision.expired] };
}

/** While interactive work came within this time, bulk holds back. */
const INTERACTIVE_RECENT_MS = 1_000;
/** A batch of bulk that gives way delays nobody, and may be so many times as long; a version that is to take over between two batches still waits for it. */
const GIVING_WAY = 4;
/** A larger batch of bulk may cost so much per request: within this, the curve says that both are the same. */
const WORTH_A_TRY = 1.01;

const LANES: readonly Lane[] = ['interactive', 'bulk'];
const NOTHING: readonly never[] = [];

/** The largest batch that could be formed now: whether it pays to form one before a session is free. */
export function largestBatch<T>(queue: BatchQueue<T>, { lane, limits }: BatchSituation): number {
  let largest = 0;
  for (const group of queue.groups) {
    for (const each of LANES) if (lane === undefined || each === lane) largest = Math.max(largest, group.lane(each).size);
  }
  return Math.min(largest, limits.maxBatchSize);
}

/** Whether a batch may be formed before a session is free: one of bulk would stand before interactive work that comes now. */
export function mayFormAhead<T>(queue: BatchQueue<T>, { now, lane }: BatchSituation): boolean {
  if (lane !== undefined || queue.sinceInteractiveMs(now) > INTERACTIVE_RECENT_MS) return true;
  for (const { interactive } of queue.groups) if (interactive.size > 0) return true;
  return false;
}

/**
 * Takes out what is overdue, or sure to be: even the fastest recent batch would not have ended in time. And what has
 * waited for longer than its tier may.
 */
export function takeExpired<T>(queue: BatchQueue<T>, { now, startsAt, times }: BatchSituation): QueuedWork<T>[] {
  const expired = queue.takeTimedOut(now);
  for (const group of queue.groups) {
    // Mostly nothing has, and this is asked before each batch.
    const earliest = Math.min(group.interactive.earliestDeadline, group.bulk.earliestDeadline);
    if (earliest === Infinity) continue;
    const soonestMs = times.soonest(group.name, now);
    const at = soonestMs > 0 ? Math.max(now, startsAt) + soonestMs : now;
    if (earliest <= at) expired.push(...queue.takeExpired(group, at, now));
  }
  return expired;
}

function chooseGroup<T>(queue: BatchQueue<T>, situation: BatchSituation): { group: BatchGroup<T>; lane: Lane } | undefined {
  const { now, lane: only, limits } = situation;
  if (only !== undefined) {
    const group = earliestDue(queue, only);
    return group === undefined ? undefined : { group, lane: only };
  }
  const first: Lane = queue.bulkWaitMs(now) >= limits.bulkEveryMs ? 'bulk' : 'interactive';
  const second: Lane = first === 'bulk' ? 'interactive' : 'bulk';
  for (const lane of [first, second]) {
    if (lane === 'bulk' && !mayRunBulk(queue, situation)) continue;
    const group = earliestDue(queue, lane);
    if (group !== undefined) return { group, lane };
  }
  return undefined;
}

/**
 * While interactive work is about, one session of several is kept free of bulk, so that it never waits for a batch of
 * it. Simulated at half load (shared/core/admission/interference.test.ts), the rise of p99 halves with two sessions, and
 * bulk still gets four fifths of what is left.
 */
function mayRunBulk<T>(queue: BatchQueue<T>, { now, sessions, bulkRunning = 0, limits }: BatchSituation): boolean {
  if (sessions === 1 || bulkRunning < sessions - 1) return true;
  return queue.sinceInteractiveMs(now) > INTERACTIVE_RECENT_MS || queue.bulkWaitMs(now) >= limits.bulkEveryMs;
}

function earliestDue<T>(queue: BatchQueue<T>, lane: Lane): BatchGroup<T> | undefined {
  let [earliest, due]: [BatchGroup<T> | undefined, number] = [undefined, Infinity];
  for (const group of queue.groups) {
    const work = group.lane(lane);
    if (work.size === 0) continue;
    const { earliestDue } = work;
    if (earliest === undefined || earliestDue < due) [earliest, due] = [group, earliestDue];
  }
  return earliest;
}

/**
 * As many, in the order of turns, as end before the tightest deadline among them; one at least, since what can be answered at
 * all is not expired. Nor, unless work is being lost anyway, does it grow so long that another group's most urgent work, which
 * could still follow it, could not.
 */
function takeInteractive<T>(queue: BatchQueue<T>, group: BatchGroup<T>, situation: BatchSituation): QueuedWork<T>[] {
  const { now, startsAt, times, limits: { maxBatchSize } } = situation;
  const likely = Math.min(group.interactive.size, maxBatchSize);
  const costMs = (times.predict(group.name, likely) ?? likely) / likely;
  const endBy = queue.isOverloaded(now) ? Infinity : othersNeedBy(queue, group, situation);
  const admits = (size: number, earliestDeadline: number) => {
    if (size > maxBatchSize) return false;
    const ms = times.predict(group.name, size) ?? 0;
    return startsAt + ms <= Math.min(earliestDeadline, endBy);
  };
  return queue.takeInteractive(group, admits, costMs, now);
}

/** Until when a session must be free again for each other group's most urgent work, as far as that is not too late anyway. */
function othersNeedBy<T>(queue: BatchQueue<T>, group: BatchGroup<T>, { startsAt, times }: BatchSituation): number {
  let [by, soonestEnd] = [Infinity, NaN];
  for (const other of queue.groups) {
    if (other === group || other.interactive.size === 0) continue;
    if (Number.isNaN(soonestEnd)) soonestEnd = startsAt + (times.predict(group.name, 1) ?? 0);
    const neededBy = other.interactive.earliestDeadline - (times.predict(other.name, 1) ?? 0);
    if (neededBy >= soonestEnd) by = Math.min(by, neededBy);
  }
  return by;
}

/** As many as end before the tightest deadline, and as it pays; one at least. */
function bulkSize<T>(queue: BatchQueue<T>, group: BatchGroup<T>, situation: BatchSituation): number {
  const { startsAt, times } = situation;
  const { size, earliestDeadline } = group.bulk;
  const [largest, boundMs] = bulkBounds(queue, group, situation);
  const fits = (count: number) => {
    const ms = times.predict(group.name, count) ?? 0;
    return ms <= boundMs && startsAt + ms <= earliestDeadline;
  };
  let most = Math.min(size, largest);
  if (fits(most)) return most;
  let least = 1;
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (fits(middle)) least = middle;
    else most = middle - 1;
  }
  return least;
}

/** Large where that pays; while interactive work is about, no longer than that may be delayed, as far as is known. */
function bulkBounds<T>(queue: BatchQueue<T>, { name }: BatchGroup<T>, { now, lane, times, limits }: BatchSituation): [size: number, ms: number] {
  const { maxBatchSize, maxBulkBatchSize, maxBulkBatchMs } = limits;
  const size = bestBulkSize(name, times, maxBatchSize, maxBulkBatchSize);
  if (queue.sinceInteractiveMs(now) > INTERACTIVE_RECENT_MS) return [size, Infinity];
  const boundMs = lane === undefined ? maxBulkBatchMs : maxBulkBatchMs * GIVING_WAY;
  return times.predict(name, 1) === undefined ? [maxBatchSize, Infinity] : [size, boundMs];
}

/**
 * Doubles the size for as long as the time per request does not grow by the measured curve. A size that has not been
 * measured is predicted in proportion to the largest that has, so it is tried, and given up again if it is worse.
 */
function bestBulkSize(group: string, times: BatchTimes, least: number, most: number): number {
  const perRequest = (size: number) => (times.predict(group, size) ?? size) / size;
  let best = least;
  while (2 * best <= most && perRequest(2 * best) <= WORTH_A_TRY * perRequest(best)) best *= 2;
  return best;
}
