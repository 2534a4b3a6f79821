import type { BatchTimePoint, ErrorCode, Variant, Workload } from '@tandem/schemas';
import type { Cache } from '@tandem/shared/cache';
import type { Clock, Random } from '@tandem/shared/clock';
import { BATCH_LIMITS, type Adapter, type BatchLimits, type BreakerState } from '@tandem/shared/core';
import type { Golden, InferenceEngine, LoadedVariant } from '@tandem/shared/engine';
import { TandemError } from '@tandem/shared/errors';
import type { EventLog } from '@tandem/shared/log';
import type { ResourceProbe } from '@tandem/shared/probe';
import type { LoadFacts } from '@tandem/shared/profile';
import type { DecodingOptions, DecodingUse } from './generate/options.ts';
import type { Logger, RecordSpan } from '@tandem/shared/telemetry';

export interface WorkerLimits extends BatchLimits {
  /** Work of one variant that is held here, waiting or running. @default 2000 */
  maxQueueSize: number;
  /**
   * What becomes of more. wait: it stays in the log until there is room, and is answered as expired when its deadline passes there.
   * reject: it is answered as expired at once. @default wait
   */
  whenFull: 'wait' | 'reject';
  /** How often a batch whose thread died is run again before it is taken apart. @default 2 */
  maxThreadLosses: number;
  /** How often redelivered work that may have ended a process is run before it is given up. @default 3 */
  maxSuspectRuns: number;
}

export const WORKER_LIMITS: WorkerLimits = { ...BATCH_LIMITS, maxQueueSize: 2_000, whenFull: 'wait', maxThreadLosses: 2, maxSuspectRuns: 3 };

/**
 * How a step came by its result where results are kept: from this process, from the shared cache, from an identical step
 * that was being computed; or it was computed.
 */
export type ReuseKind = 'hit' | 'shared_hit' | 'joined' | 'miss';

/**
 * What became of results that are computed ahead of requests: computed, or known already; used: a request was answered with one from this
 * process.
 */
export type AheadKind = 'computed' | 'known' | 'used';

/** A user's prefix that nobody used for so long is given up. */
export const PREFIX_IDLE_MS = 600_000;

/** What user prefixes have done since the last report; counts that are absent are 0. */
export interface PrefixUse {
  /** Requests that went on from a prefix. */
  hits?: number;
  /** Requests whose prefix was built. */
  misses?: number;
  /** Requests that ran with the whole history, without a prefix. */
  bypassed?: number;
  /** Tokens that were computed by steps, over all hits. */
  steps?: number;
  /** Tokens that need not be computed, over all hits. */
  savedTokens?: number;
  /** Prefixes that made room for others. */
  evictions?: number;
  /** What the variant's prefixes take now. */
  bytes?: number;
}

/** Why a variant was loaded: work waited for it; its model is in use again; the load is going to need it. */
export type LoadReason = 'asked' | 'sibling' | 'trend';
/** Why it was unloaded: another needed the room; nobody used it. */
export type UnloadReason = 'room' | 'idle';

/** What a process wants to know of its worker, for metrics. `variant` is `model.precision`. */
export interface WorkerObserver {
  /** A batch has succeeded; the longest queueing among its requests, ms. */
  batch?(variant: string, size: number, queueMs: number, computeMs: number, spans: readonly (RecordSpan | undefined)[]): void;
  outcome?(kind: 'completed' | 'expired' | 'failed' | 'redispatched' | 'cancelled', variant: string): void;
  /** `savedMs` of compute were not spent. */
  reuse?(kind: ReuseKind, variant: string, savedMs: number): void;
  ahead?(kind: AheadKind, variant: string): void;
  /** What the results that are kept in this process take, estimated. */
  reusableBytes?(bytes: number): void;
  prefixes?(variant: string, use: PrefixUse): void;
  decoding?(variant: string, use: DecodingUse): void;
  cacheUnavailable?(): void;
  /** A variant is in memory again. */
  loaded?(variant: string, reason: LoadReason, tookMs: number): void;
  unloaded?(variant: string, reason: UnloadReason): void;
  /** A variant's circuit breaker has turned. */
  breaker?(state: BreakerState, variant: string): void;
  /** A record has been put on the dead letters, beside its outcome. */
  deadLetter?(code: ErrorCode): void;
}

/** What batches take on this hardware, before this worker has run any. */
export interface VariantCurves {
  /** From the profile of this hardware; where there is none, a quick one is made. Never rejects; empty: nothing is known. */
  curveFor(loaded: LoadedVariant, load: LoadFacts): Promise<readonly BatchTimePoint[]>;
}

export interface WorkerStageOptions {
  prefix: string;
  /** Names this process in heartbeats. */
  instance: string;
  /** Serves the topics of this pool only. */
  pool?: string;
  /** Tried in this order; what cannot be loaded is refused with a warning. */
  variants: readonly Variant[];
  /** Names of those that follow no release. @default none */
  pinned?: ReadonlySet<string>;
  /** By the name in the registry. */
  adapters: ReadonlyMap<string, Adapter>;
  /** Belongs to the stage from now on: `stop` closes it. */
  engine: InferenceEngine;
  probe: ResourceProbe;
  clock: Clock;
  /** Those that say how fresh results have to be have them kept. @default none */
  workloads?: readonly Workload[];
  /** Results kept in this process take so much at most, estimated. @default 67108864 (64 MiB) */
  resultCacheBytes?: number;
  /**
   * Cached prefixes of users take so much at most, over all variants that can keep them, each an equal share. 0: none are kept.
   * @default 268435456 (256 MiB; the system gives it as it is used)
   */
  prefixCacheBytes?: number;
  /** How slates are decoded. @default DECODING_DEFAULTS */
  decoding?: Partial<DecodingOptions>;
  /** A prefix that nobody used for so long is given up. @default 600000 */
  prefixIdleMs?: number;
  /** Shared between workers, it tells which input ends their processes, and holds results for all of them. */
  cache: Cache;
  log: Pick<EventLog, 'now' | 'tail'>;
  /** A log that outlives the process: where the cache does not, or is away, runs of redelivered work are counted there. @default they are not counted then */
  countsIn?: Pick<EventLog, 'now' | 'read' | 'admin'>;
  /** @default what batches take is learnt by running them alone */
  profiles?: VariantCurves;
  /** @default Math.random */
  random?: Random;
  logger: Logger;
  limits?: Partial<WorkerLimits>;
  /** Of model files times inference threads; variants beyond it are refused, and prefixes get what is left. @default no bound */
  memoryBudgetBytes?: number;
  /**
   * More variants than `memoryBudgetBytes` has room for: the least recently used one gives way to one that is asked for.
   * @default false: what does not fit is refused
   */
  overcommit?: boolean;
  /** A variant that nobody used for so long is unloaded until somebody does, ms. @default 0: never */
  sleepAfterMs?: number;
  /** @default 500 */
  heartbeatIntervalMs?: number;
  observer?: WorkerObserver;
  /** Inputs and what models answered to them when they were released: a version that is reloaded has to answer so. @default none */
  golden?: () => Promise<Golden | undefined>;
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
  for (const [tier, weight] of Object.entries(compiled.tierWeights)) requirePositive('tierWeights', tier, weight);
  for (const [tenant, weight] of Object.entries(compiled.tenantWeights)) requirePositive('tenantWeights', tenant, weight);
  for (const [tier, { ms }] of Object.entries(compiled.tierTimeouts)) requirePositive('tierTimeouts', tier, ms);
  const { maxBatchSize, maxQueueSize } = compiled;
  if (maxQueueSize >= maxBatchSize) return compiled;
  const message = `maxQueueSize is ${maxQueueSize}, so a batch of maxBatchSize ${maxBatchSize} could never be formed`;
  throw new TandemError(message, { code: 'invalid_options' });
}

function requirePositive(option: string, name: string, value: number): void {
  if (value > 0 && value < Infinity) return;
  throw new TandemError(`${option}: ${name} is ${value}; it must be more than 0`, { code: 'invalid_options' });
}
