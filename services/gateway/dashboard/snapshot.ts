import type { Lane, StageName, Status } from '@tandem/schemas';
import type { ExperimentSummary } from '@tandem/shared/core';

/** What the page shows: sent once a second. Its size depends on the deployment (variants, workers, topics), not on the load. */
export interface Snapshot {
  /** Epoch ms, by the log's clock. */
  time: number;
  log: LogStatus;
  stages: StageStatus[];
  topics: TopicStatus[];
  workers: WorkerStatus[];
  variants: VariantStatus[];
  /** Of the last seconds. */
  answers: AnswerFigures;
  quality: QualityFigures[];
  cost: CostFigures;
  deadLetters: LetterFigures;
  lanes: LaneStatus[];
  experiments: ExperimentSummary[];
  /** The newest first. */
  recent: RecentAnswer[];
  /** The newest first. */
  audit: AuditLine[];
}

export interface LogStatus {
  description: string;
  durable: boolean;
  /** What is wrong with it, for a person; absent: it answers. */
  error?: string;
}

export interface StageStatus {
  name: StageName;
  /** Members of its consumer groups; null: not known yet. */
  members: number | null;
  /** Of its chain, where it runs in one: they hand on in memory what else goes through topics. */
  chain: StageName[];
  lag: LagFigures | null;
}

export interface LagFigures {
  /** Records that have not been done. */
  records: number;
  /** How long they take at the pace of the last seconds, ms; null: nothing is done at the moment. */
  behindMs: number | null;
}

export interface TopicStatus {
  /** Without the prefix. */
  name: string;
  perSecond: number;
}

export type WorkerState = 'working' | 'silent' | 'drained' | 'draining' | 'gone';

export interface WorkerStatus {
  instance: string;
  state: WorkerState;
  /** Since its last heartbeat. */
  silentMs: number;
  pool?: string;
  /** 0..1 */
  cpuUse?: number;
  cpuCores?: number;
  memoryFreeBytes?: number;
  memoryBytes?: number;
  accelerator?: { name: string; use?: number; memoryFreeBytes: number; memoryBytes: number };
  /** From a write until it is acknowledged. */
  brokerMs?: number;
  variants: string[];
  perSecond: number;
}

export interface VariantStatus {
  /** `model.precision` */
  name: string;
  model: string;
  precision: string;
  version: string;
  workers: number;
  queued: number;
  running: number;
  perSecond: number;
  failedPerSecond: number;
  breaker: 'closed' | 'open' | 'half_open';
  meanBatchSize: number;
  meanBatchMs: number;
  /** Of its requests of the last seconds those that went on from a cached user prefix, 0..1; null: none ran, or it keeps none. */
  prefixHits: number | null;
  /** Of the answers of the last seconds; null: none. */
  queueMs: { p50: number; p95: number } | null;
  /** Of all steps that ran in the last seconds, 0..1. */
  share: number;
}

export interface AnswerFigures {
  /** Over so many seconds. */
  seconds: number;
  perSecond: number;
  /** Complete answers: they are in time by contract. */
  goodputPerSecond: number;
  /** Looked into, of those that came. The figures rest on these. */
  sampled: number;
  seen: number;
  latencyMs: Percentiles | null;
  /** Where the time of an answer goes, mean ms. */
  spent: { queueMs: number; computeMs: number; otherMs: number } | null;
  statuses: Partial<Record<Status, number>>;
  /** Of answers that are not simply complete, per second, the most frequent first. */
  reasons: { status: Status; reason: string; perSecond: number }[];
  /** Of steps that could have been answered with a kept result, 0..1; null: none. */
  resultCacheHits: number | null;
}

export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

/** HR@10 of those answers whose user was seen to act afterwards. */
export interface QualityFigures {
  /** The variants that the answer came from, in order. */
  path: string;
  judged: number;
  hitRateAt10: number;
  standardError: number;
}

export interface CostFigures {
  /** Compute of the models for a thousand answers, s; null: none in the last minute. */
  secondsPerThousand: number | null;
  /** The same if each had gone to the large model, at what it takes now; null: it has not run lately. */
  allLargeSecondsPerThousand: number | null;
  /** The variants that the comparison rests on. */
  large: string[];
}

export interface LetterFigures {
  perMinute: number;
  /** Since this gateway was started. */
  byCode: { code: string; stage: string; count: number }[];
}

export interface LaneStatus {
  lane: Lane;
  perSecond: number;
  paused: { by: string; time: number } | null;
  waiting: number | null;
}

export interface RecentAnswer {
  requestId: string;
  workload: string;
  status: Status;
  reason?: string;
  latencyMs: number;
  path: string;
  /** Epoch ms. */
  time: number;
}

export interface AuditLine {
  time: number;
  actor: string;
  action: string;
  target: string;
  outcome: 'done' | 'failed';
  detail?: string;
}

/** One second of the past, as arrays of equal length: what the charts are drawn from. */
export interface History {
  /** Epoch seconds. */
  time: number[];
  perSecond: number[];
  goodput: number[];
  p50: (number | null)[];
  p95: (number | null)[];
  p99: (number | null)[];
  degraded: number[];
  rejected: number[];
  failed: number[];
  /** Share of each variant among the steps that ran, 0..1, by variant. */
  shares: Record<string, (number | null)[]>;
}
