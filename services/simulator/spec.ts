import type { Lane, Task, TaskKind, Variant, Workload } from '@tandem/schemas';
import type { Random } from '@tandem/shared/clock';
import type { BatchLimits, Policy, ScalingRules } from '@tandem/shared/core';
import type { Arrivals } from '@tandem/shared/random';
import type { Fault } from './flow/faults.ts';
import type { HopTimes } from './model/hop-times.ts';
import type { ServiceTimes } from './model/service-times.ts';

/** Requests of one kind. */
export interface TrafficSpec {
  workload: Workload;
  arrivals: (random: Random) => Arrivals;
  /** What senders hint, by weight; absent: nothing, so that the workload's default or the activity decides. */
  tasks?: Partial<Record<TaskKind, number>>;
  /** By weight. @default standard alone */
  tiers?: Readonly<Record<string, number>>;
  /** Affinity keys (users, sessions, languages), and how unequal they are: Zipf's exponent, 0 for equal. @default 100000 equal ones */
  keys?: { count: number; exponent: number };
  /** What of the requests falls on each partition, where that is known better than the keys. @default by the keys */
  partitionShares?: readonly number[];
  /** ms; null: none. @default the workload's */
  deadlineMs?: number | null;
  /** An answer counts as in time within so long, ms. */
  sloMs: number;
  /** @default the workload's */
  accuracyFloor?: number;
  /** @default interactive */
  lane?: Lane;
  /** Of users, 0..1. @default 0.5 */
  activity?: (random: Random) => number;
  /** Of a coarse step's answer, calibrated. @default unknown, so that nothing is skipped for it */
  confidence?: (random: Random) => number;
  /** Whether the sender's next act shows an answer to be right, by the variant that gave it; told to policies that learn, at once. @default no acts */
  isRight?: (variant: string, task: Task, random: Random) => boolean;
}

/** One kind of work of a variant: its own batches, with times of their own. */
export interface WorkKind {
  name: string;
  /** Of the variant's work, by weight. */
  share: number;
  times: ServiceTimes;
}

export interface WorkerSpec {
  instance: string;
  /** Of the machines; those that name the same share its cores. */
  machine: string;
  pool?: string;
  /** Batches that run at once. */
  sessions: number;
  /** By `model.precision`. */
  serves: ReadonlyMap<string, readonly WorkKind[]>;
  /** From a batch's end until its outcomes are on their way and its session begins the next one, ms; drawn for each. @default no time */
  handOverMs?: (random: Random) => number;
}

export interface MachineSpec {
  cores: number;
  /** Of each thread or process that others run there all the time: cores that it needs. @default none */
  background?: readonly number[];
  /** @default 16e9 */
  memoryFreeBytes?: number;
}

/** CPU that one record takes at each stage, ms of one core. */
export interface StageCosts {
  classifier: number;
  scheduler: number;
  /** Reading work and writing its outcome, beside inference. */
  worker: number;
  fusion: number;
}

/** How many of the workers there are follows the load, by the decisions that the supervisor of `npm start` and `tandem stage worker` makes. */
export interface ScalingSpec {
  /** `min` 1 at least: that nobody is there is not simulated. `max` is at most, and by default, as many as the cluster has workers. */
  rules: Partial<ScalingRules>;
  /** From the decision for one more until it joins the others, ms; drawn for each. As measured: process, models and warm-up. */
  startMs: (random: Random) => number;
}

export interface ClusterSpec {
  variants: readonly Variant[];
  /** Of every topic. */
  partitions: number;
  workers: readonly WorkerSpec[];
  /** The first `min` of the workers are there from the start, the others come and go in their order. @default all are there */
  scaling?: ScalingSpec;
  /** Each has its share of the partitions, and counts what it gives out itself; nobody leads. @default 1 */
  schedulers?: number;
  /** By name. What is not here has cores for all. */
  machines?: Readonly<Record<string, MachineSpec>>;
  /** Where classifier, scheduler and fusion run. @default a machine with cores for all */
  edgeMachine?: string;
  hops: HopTimes;
  /** @default 0 each */
  stages?: Partial<StageCosts>;
  batching?: Partial<BatchLimits>;
  /** From the last heartbeat of a lost worker until its group gives its partitions to others. @default 10000, Tandem's default session timeout */
  detectionMs?: number;
  /** Between heartbeats of a group's members: so long before its death the last one may have been, and so much later others hear of it. @default 500 */
  memberHeartbeatMs?: number;
  /** So long the workers get no work while partitions are given out anew, ms; drawn for each time. @default no time */
  rebalanceMs?: (random: Random) => number;
  /** Fusion answers so long before the deadline. @default 0 */
  deadlineMarginMs?: number;
}

export interface SimulationSpec {
  /** The same seed gives the same run, event by event. */
  seed: number;
  /** Requests come for so long. */
  seconds: number;
  /** At the beginning, not counted. @default 0 */
  warmUpSeconds?: number;
  traffic: readonly TrafficSpec[];
  cluster: ClusterSpec;
  policy: Policy;
  faults?: readonly Fault[];
}
