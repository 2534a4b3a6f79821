import type { TaskKind, Variant, Workload } from '@tandem/schemas';
import type { Catalogue, MachineRole } from './catalogue.ts';
import type { CellCapacity, Profile } from './cell.ts';
import type { KeySpec } from './key-skew.ts';

export interface PlanRequest {
  workload: Workload;
  variants: readonly Variant[];
  profile: Profile;
  /** What the profile rests on, in words. */
  profileSource: string;
  catalogue: Catalogue;
  /** Requests per second. */
  rate: number;
  sloMs: number;
  /** Share of the requests that must be answered within it. */
  inTime: number;
  /** Share of the best variant's accuracy that answers must have. */
  accuracyFloor: number;
  /** Which plans may answer; the cheapest that meets the floor does. */
  tasks: readonly TaskKind[];
  /** `split: auto`: as often as the hottest key asks for. */
  keys: Omit<KeySpec, 'split'> & { split: number | 'auto' };
  seed: number;
}

/** So many machines of a kind, for one role. */
export interface RolePlan {
  role: MachineRole;
  machine: string;
  /** In all zones together; a multiple of their number. */
  count: number;
  /** That carry the rate without any reserve. */
  needed: number;
  /** What bounds it. */
  because: string;
  costPerHour: number;
  /** What is left over with one zone lost: 0.1 is a tenth more than needed; below 0 it falls short. */
  headroomZoneLost: number;
}

export interface WorkerPlan {
  task: TaskKind;
  variants: string[];
  accuracy: number;
  machine: string;
  /** In all zones. */
  processes: number;
  processesZoneLost: number;
  sessionsPerProcess: number;
  capacityPerProcess: number;
  capacity: CellCapacity;
  /** Load of the busiest process ÷ the mean, with a zone lost: of how unequal keys fall. */
  imbalance: number;
}

export interface KeyPlan {
  count: number;
  exponent: number;
  /** Sub-keys of each key. */
  split: number;
  /** Requests per second of the most frequent key, before and after. */
  hottestPerSecond: number;
  hottestSubKeyPerSecond: number;
}

export interface TopicLoad {
  topic: string;
  recordsPerSecond: number;
  /** Appended, replicas not counted. */
  megabytesPerSecond: number;
  readers: number;
}

export interface LogPlan {
  topics: TopicLoad[];
  /** Of every topic of the flow. */
  partitions: number;
  replicas: number;
  brokers: number;
  /** Of each, with all brokers up. */
  appendMBsPerBroker: number;
  readMBsPerBroker: number;
  recordsPerSecondPerBroker: number;
  replicasPerBroker: number;
}

export interface RedisPlan {
  opsPerSecond: number;
  processes: number;
}

export interface SensitivityRow {
  change: string;
  /** Requests per second. */
  rate: number;
  workers: number;
  machines: number;
  costPerHour: number;
  /** Against the plan. */
  costChange: number;
  note?: string;
}

export interface CapacityPlan {
  rate: number;
  sloMs: number;
  accuracyFloor: number;
  inTime: number;
  zones: number;
  currency: string;
  roles: RolePlan[];
  workers: WorkerPlan;
  keys: KeyPlan;
  log: LogPlan;
  redis: RedisPlan;
  costPerHour: number;
  costPerMillion: number;
  /** Other ways to run it, as far as they were looked at, cheapest first. */
  alternatives: { machine: string; variants: string[]; accuracy: number; perSecondPerProcess: number; costPerHour: number }[];
  sensitivity: SensitivityRow[];
  assumptions: string[];
  warnings: string[];
}
