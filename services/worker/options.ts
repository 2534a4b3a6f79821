import type { ErrorCode, Variant } from '@tandem/schemas';
import type { Cache } from '@tandem/shared/cache';
import type { Clock, Random } from '@tandem/shared/clock';
import { BATCH_LIMITS, type Adapter, type BatchLimits, type BreakerState } from '@tandem/shared/core';
import type { InferenceEngine } from '@tandem/shared/engine';
import { TandemError } from '@tandem/shared/errors';
import type { EventLog } from '@tandem/shared/log';
import type { ResourceProbe } from '@tandem/shared/probe';
import type { Logger } from '@tandem/shared/telemetry';

export interface WorkerLimits extends BatchLimits {
  /** Work of one variant that is held here, waiting or running; more stays in the log. @default 2000 */
  maxQueueSize: number;
  /** How often a batch whose thread died is run again before it is taken apart. @default 2 */
  maxThreadLosses: number;
  /** How often redelivered work that may have ended a process is run before it is given up. @default 3 */
  maxSuspectRuns: number;
}

export const WORKER_LIMITS: WorkerLimits = { ...BATCH_LIMITS, maxQueueSize: 2_000, maxThreadLosses: 2, maxSuspectRuns: 3 };

/** What a process wants to know of its worker, for metrics. `variant` is `model.precision`. */
export interface WorkerObserver {
  /** A batch has succeeded; the longest queueing among its requests, ms. */
  batch?(variant: string, size: number, queueMs: number, computeMs: number): void;
  outcome?(kind: 'completed' | 'expired' | 'failed' | 'redispatched' | 'cancelled', variant: string): void;
  /** A variant's circuit breaker has turned. */
  breaker?(state: BreakerState, variant: string): void;
  /** A record has been put on the dead letters, beside its outcome. */
  deadLetter?(code: ErrorCode): void;
}

export interface WorkerStageOptions {
  prefix: string;
  /** Names this process in heartbeats. */
  instance: string;
  /** Serves the topics of this pool only. */
  pool?: string;
  /** Tried in this order; what cannot be loaded is refused with a warning. */
  variants: readonly Variant[];
  /** By the name in the registry. */
  adapters: ReadonlyMap<string, Adapter>;
  /** Belongs to the stage from now on: `stop` closes it. */
  engine: InferenceEngine;
  probe: ResourceProbe;
  clock: Clock;
  /** Shared between workers, it tells which input ends their processes. */
  cache: Cache;
  log: Pick<EventLog, 'now'>;
  /** @default Math.random */
  random?: Random;
  logger: Logger;
  limits?: Partial<WorkerLimits>;
  /** Of model files times inference threads; variants beyond it are refused. @default no bound */
  memoryBudgetBytes?: number;
  /** @default 500 */
  heartbeatIntervalMs?: number;
  observer?: WorkerObserver;
}

const AT_LEAST_ONE: ReadonlySet<string> = new Set(['maxBatchSize', 'maxBulkBatchSize', 'maxQueueSize', 'maxSuspectRuns']);

/** @throws {TandemError} `invalid_options` naming the limit */
export function compileLimits(limits: Partial<WorkerLimits> = {}): WorkerLimits {
  const compiled = { ...WORKER_LIMITS, ...limits };
  for (const [name, value] of Object.entries(compiled)) {
    const least = AT_LEAST_ONE.has(name) ? 1 : 0;
    if (typeof value !== 'number' || value >= least) continue;
    throw new TandemError(`${name} is ${value}; it must be at least ${least}`, { code: 'invalid_options' });
  }
  const { maxBatchSize, maxQueueSize } = compiled;
  if (maxQueueSize >= maxBatchSize) return compiled;
  const message = `maxQueueSize is ${maxQueueSize}, so a batch of maxBatchSize ${maxBatchSize} could never be formed`;
  throw new TandemError(message, { code: 'invalid_options' });
}
