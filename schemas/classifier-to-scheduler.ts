import type { Plan } from './plan.ts';
import type { TaskArm } from './experiment.ts';
import type { TaskKind } from './ingress-to-classifier.ts';

/**
 * Topic `tasks`: a request made self-contained. Keyed by the affinity key.
 * Internal records are types without a run-time schema: their writer validated, their readers trust
 * (the schema version header is checked).
 */
export interface Task {
  requestId: string;
  workload: string;
  key: string;
  userId?: string;
  lane: Lane;
  task: TaskKind;
  tier: string;
  /** Broker's append time of the request, epoch ms. */
  arrivedAt: number;
  /** Absolute deadline, epoch ms; null: none. */
  deadlineAt: number | null;
  accuracyFloor: number | null;
  /** A rule of the workload wants it, where it is served and keeps the floor. Absent: the policy chooses among all. */
  precision?: string;
  /** 0..1 */
  activity: number;
  /** Features in the adapter's compact form; opaque to scheduler and fusion. */
  input: unknown;
  /** How many of the user's interactions were known. Only where the workload's adapter reads the user. */
  interactions?: number;
  plan: Plan;
  /** `topic/partition/offset` of the request: tells a redelivery from a duplicate. */
  source: string;
  marks: Mark[];
  /** Computed ahead of a request that is likely: its steps are run, so that their results are known, and nobody is answered. */
  ahead?: true;
  /** Answers before the final one are wanted, and the workload allows them. */
  provisional?: true;
  /** Of the experiments that decide about steps of the plan. Absent: none does. */
  experiments?: TaskArm[];
}

/** Also on topic `tasks`, keyed and ordered like the request that it takes back. */
export interface Cancellation {
  cancel: true;
  requestId: string;
  workload: string;
  key: string;
  userId?: string;
  /** Broker's append time of the cancelling record, epoch ms. */
  arrivedAt: number;
  /** `topic/partition/offset` of the cancelling record. */
  source: string;
}

/** What lies in topic `tasks`: a classified request, or word that one is taken back. */
export type TaskRecord = Task | Cancellation;

/** Interactive work goes first; bulk takes what that leaves, and is never starved for ever. */
export type Lane = 'interactive' | 'bulk';

/** What the classifier noticed and the answer should say. */
export type Mark = 'unknown_user' | 'unknown_items_dropped' | 'features_stale';

/** Compact features of the `recommend` adapter: integers, not strings. */
export interface RecommendFeatures {
  /** The newest items, oldest first. */
  history: number[];
  /** How many interactions of the user are known in all (≥ history.length). */
  total: number;
  candidates?: number[];
  candidateScores?: number[];
  limit: number;
}

/** Compact features of the `generate` adapter. */
export interface GenerateFeatures {
  /** The newest items, oldest first. */
  history: number[];
  /** How many interactions of the user are known in all (≥ history.length). */
  total: number;
  /** How many items are to be generated. */
  limit: number;
  temperature: number;
  topK: number;
  /** Absent: from the request id. */
  seed?: number;
}

/** Compact features of the `classify` adapter: the numbers of the input, in the order of its tensor. */
export interface ClassifyFeatures {
  values: number[];
}
