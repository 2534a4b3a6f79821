import type { Heartbeat } from '@tandem/schemas';
import { WORKER_GONE_AFTER_MS } from '../heartbeat/worker-gone.ts';

export interface AdmissionOptions {
  /** Bulk work that workers shall have waiting, as the time they need for it at their present pace. @default 750 */
  targetBacklogMs: number;
  /** A difference to that is made up for in this time. @default 1000 */
  correctionMs: number;
  /** Least work that a worker shall have waiting, so that it can form a batch. @default 32 */
  minBacklog: number;
  /** While there are interactive requests: CPU use above which less is admitted, since their stages need the CPU too; what gives way does not count. @default 0.85 */
  maxUse: number;
  /** Of what waits between classifier and scheduler, as time: above it less is admitted. @default 750 */
  maxLagMs: number;
  /** Admitted whatever the load, so that bulk never starves, per second. @default 1 */
  floorPerSecond: number;
  /** Admitted however short the CPU is, unless workers have enough waiting, as a share of the interactive work that is done. @default 0.01 */
  floorShare: number;
  /** Never more than this, per second. @default 50000 */
  ceilingPerSecond: number;
  /** A worker without a heartbeat for this long is gone. @default 3000 */
  staleAfterMs: number;
}

export const ADMISSION_DEFAULTS: AdmissionOptions = {
  targetBacklogMs: 750,
  correctionMs: 1_000,
  minBacklog: 32,
  maxUse: 0.85,
  maxLagMs: 750,
  floorPerSecond: 1,
  floorShare: 0.01,
  ceilingPerSecond: 50_000,
  staleAfterMs: WORKER_GONE_AFTER_MS,
};

/** What admission reads of a heartbeat. */
export type AdmissionHeartbeat = Pick<Heartbeat, 'instance' | 'variants' | 'resources'>;

/** What a classifier knows of itself. */
export interface OwnShare {
  /** Of the partitions of the bulk topic, 0..1: several classifiers see the same workers. */
  ofPartitions: number;
  /** Bulk requests admitted since it started. */
  admitted: number;
  /** Share of time that its event loop is busy, 0..1. */
  loopUse: number;
  /** What the scheduler has not read yet of its tasks, as the time that it needs for it, ms. */
  lagMs: number;
}
