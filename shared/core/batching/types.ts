import type { Lane } from '@tandem/schemas';

/** One piece of work that waits for a batch. */
export interface QueuedWork<T> {
  payload: T;
  /** Work of one group can share a batch: same variant, graph and length bucket. */
  group: string;
  lane: Lane;
  /** By when it has to be through, epoch ms; null: no matter. */
  deadlineAt: number | null;
  /** Epoch ms. */
  enqueuedAt: number;
  /** @default standard */
  tier?: string | undefined;
  /** Absent: all such share as one. */
  tenant?: string | undefined;
}

/** What becomes of interactive work that has waited for too long. */
export interface TierTimeout {
  /** In the queue. */
  ms: number;
  /** reject: it is answered at once, as expired. delay: it goes on waiting, behind all interactive work, with bulk. */
  action: 'reject' | 'delay';
}

/** How a queue orders interactive work. */
export interface QueueRules {
  /** Work without a deadline is ordered as if it had one so long after it came. @default 1000 */
  patienceMs: number;
  /** Shares of session time, by tier; tiers that are not named count as `standard`. @default vip 4, standard 1 */
  tierWeights: Readonly<Record<string, number>>;
  /** Shares of their tier's session time, by tenant; others have 1. @default none */
  tenantWeights: Readonly<Record<string, number>>;
  /**
   * Deadlines decide among flows (a tenant's work of a tier) of which none is ahead of its share by more than this much session
   * time, divided by its weight, ms. Larger: fewer deadlines are missed; smaller: fairer. @default 10
   */
  fairnessWindowMs: number;
  /** By tier; none for tiers that are not named. @default none */
  tierTimeouts: Readonly<Record<string, TierTimeout>>;
}

export const QUEUE_RULES: QueueRules = {
  patienceMs: 1_000,
  tierWeights: { vip: 4, standard: 1 },
  tenantWeights: {},
  fairnessWindowMs: 10,
  tierTimeouts: {},
};

export interface BatchLimits extends QueueRules {
  /** @default 32 */
  maxBatchSize: number;
  /**
   * Of bulk work, where batches beyond maxBatchSize pay by the measured curve. Measured here (bench/engine/batch-sizes.ts),
   * CPU µs per request at 32, 64 and 128: two-tower fp32 43, 38, 37, int8 42, 36, 36; ranker fp32 368, 381, 438, int8
   * 260, 288, 281. So on a CPU the small model gains by 128 and the large one by nothing beyond 32: each keeps what pays.
   * @default 128
   */
  maxBulkBatchSize: number;
  /**
   * While interactive work has been seen within the last second, a batch of bulk is no larger than what takes so long
   * by the measured curve (one at least): so much may it delay the interactive work that comes next; four times as much where it gives way on sessions of its own. @default 25
   */
  maxBulkBatchMs: number;
  /** What is worth waiting for, ascending. @default [4, 8, 16] */
  preferredBatchSizes: readonly number[];
  /** The longest that a free session may be kept waiting for company; 0: never. @default 5 */
  maxQueueDelayMs: number;
  /** While interactive work is there, a batch of bulk is taken at least this often. @default 1000 */
  bulkEveryMs: number;
}

export const BATCH_LIMITS: BatchLimits = {
  ...QUEUE_RULES,
  maxBatchSize: 32,
  maxBulkBatchSize: 128,
  maxBulkBatchMs: 25,
  preferredBatchSizes: [4, 8, 16],
  maxQueueDelayMs: 5,
  bulkEveryMs: 1_000,
};

/** How long batches take, by group; undefined where nothing is known yet. */
export interface BatchTimes {
  /** ms */
  predict(group: string, size: number): number | undefined;
  /** The least that a batch of one can be expected to take, ms; 0 where nothing recent is known. Work is turned away by it. */
  soonest(group: string, now: number): number;
}

export interface BatchSituation {
  /** Epoch ms. */
  now: number;
  /** When a session can begin the batch, epoch ms: now, or the predicted end of the one that runs. */
  startsAt: number;
  /** Sessions that share the load. */
  sessions: number;
  /** They run work of this lane alone: the other has sessions of its own, and the operating system sees to which goes first. @default both */
  lane?: Lane | undefined;
  /** Batches of bulk that run on them. @default 0 */
  bulkRunning?: number;
  times: BatchTimes;
  limits: BatchLimits;
}

export interface Batch<T> {
  group: string;
  lane: Lane;
  /** In the order of their turns. */
  work: QueuedWork<T>[];
}

export interface BatchDecision<T> {
  /** Cannot be answered in time any more, or has waited for longer than its tier may; taken out. */
  expired: readonly QueuedWork<T>[];
  /** Taken out, to be run now. */
  batch?: Batch<T>;
  /** No batch, although there is work: look again at this time (epoch ms), or when work arrives. */
  waitUntil?: number;
}
