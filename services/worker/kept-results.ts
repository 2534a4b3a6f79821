import { OccasionalWarning } from '@tandem/shared/telemetry';
import type { WorkerStageOptions } from './options.ts';
import type { Submission } from './pending-work.ts';
import { ResultReuse } from './result-reuse.ts';

const DEFAULT_BYTES = 67_108_864;
const WARN_EVERY_MS = 60_000;

/** The result cache of a worker stage. */
export interface KeptResults {
  submit(submission: Submission): void;
  cancel(requestId: string): void;
  /** Some workload lets results be kept. */
  readonly isOn: boolean;
  /** @param user SHA-256 of the user id  @param erasedAt broker's time, epoch ms */
  forget(user: string, erasedAt: number): void;
}

/** @param compute see ResultReuseOptions */
export function keepResults(options: WorkerStageOptions, compute: (submission: Submission) => void): KeptResults {
  const { workloads = [], resultCacheBytes: maxBytes = DEFAULT_BYTES, observer = {}, logger, clock } = options;
  const warning = new OccasionalWarning(logger, clock, 'the shared cache is unavailable; results are kept in this process alone', WARN_EVERY_MS);
  const onUnavailable = (error: unknown) => {
    observer.cacheUnavailable?.();
    warning.warn(error);
  };
  const reuse = new ResultReuse({ ...options, workloads, maxBytes, observer, compute, onUnavailable });
  return {
    submit: (submission) => reuse.submit(submission),
    cancel: (requestId) => reuse.cancel(requestId),
    isOn: reuse.isOn,
    forget: (user, erasedAt) => reuse.forget(user, erasedAt),
  };
}
