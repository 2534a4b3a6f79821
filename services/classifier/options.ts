import { DEFAULT_PREFIX, MAX_RECORD_BYTES, type Variant, type Workload } from '@tandem/schemas';
import type { Cache } from '@tandem/shared/cache';
import type { Clock } from '@tandem/shared/clock';
import { ExperimentBook, type Adapter, type QuotaRules, type SensingLimits } from '@tandem/shared/core';
import type { Logger } from '@tandem/shared/telemetry';
import type { AheadListener } from './ahead/listener.ts';
import { silentObserver, type ClassifierObserver } from './observer.ts';

export interface ClassifierOptions {
  workloads: readonly Workload[];
  /** By the name that workloads call them. */
  adapters: ReadonlyMap<string, Adapter>;
  /** Of the registry; the stable ones are used. */
  variants: readonly Variant[];
  /** Features and seen request ids. */
  cache: Cache;
  clock: Clock;
  logger: Logger;
  /** Of topics. @default 'tandem.' */
  prefix?: string;
  /** How long a request waits for interactions that it says have happened. @default 250 */
  featureWaitMs?: number;
  /** How long a request id is remembered. @default 3600000 (1 hour) */
  dedupTtlMs?: number;
  /** The newest interactions that a task can carry; twice as many are kept, for requests that come late. @default 256 */
  historyLimit?: number;
  /** A user's features are forgotten this long after the last interaction. @default never */
  featureTtlMs?: number;
  /** Into whose arms requests are put. @default there are none */
  experiments?: ExperimentBook;
  /** What of interactive requests is let in. @default all */
  quotas?: QuotaRules;
  /** Of each input topic; of every quota this process has the share of those that it reads. @default it reads all */
  partitions?: number;
  /** @default { maxBytes: 1048576, maxDepth: 32 } */
  limits?: Partial<SensingLimits>;
  /** @default does nothing */
  observer?: ClassifierObserver;
  /** Whoever wants to know what is likely to be asked next. @default nobody */
  ahead?: AheadListener;
}

export type CompleteOptions = Required<Omit<ClassifierOptions, 'featureTtlMs' | 'limits' | 'ahead' | 'partitions'>> & Pick<ClassifierOptions, 'ahead' | 'partitions'> & {
  featureTtlMs: number | undefined;
  limits: SensingLimits;
};

export function withDefaults(options: ClassifierOptions): CompleteOptions {
  return {
    prefix: DEFAULT_PREFIX,
    featureWaitMs: 250,
    dedupTtlMs: 3_600_000,
    historyLimit: 256,
    featureTtlMs: undefined,
    observer: silentObserver,
    quotas: { workloads: {}, tenants: {} },
    experiments: new ExperimentBook(),
    ...options,
    limits: { maxBytes: MAX_RECORD_BYTES, maxDepth: 32, ...options.limits },
  };
}
