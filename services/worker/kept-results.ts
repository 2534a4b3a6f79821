import type { Logger } from '@tandem/shared/telemetry';
import { ErasureWatch } from './erasure-watch.ts';
import type { WorkerStageOptions } from './options.ts';
import type { Submission } from './pending-work.ts';
import { ResultReuse } from './result-reuse.ts';

const DEFAULT_BYTES = 67_108_864;
const WARN_EVERY_MS = 60_000;

/** The result cache of a worker stage. */
export interface KeptResults {
  submit(submission: Submission): void;
  cancel(requestId: string): void;
  start(): void;
  stop(): Promise<void>;
}

/** @param compute see ResultReuseOptions */
export function keepResults(options: WorkerStageOptions, compute: (submission: Submission) => void): KeptResults {
  const { workloads = [], resultCacheBytes: maxBytes = DEFAULT_BYTES, observer = {}, logger } = options;
  const warn = seldom(logger);
  const onUnavailable = (error: unknown) => {
    observer.cacheUnavailable?.();
    warn(options.clock.now(), error);
  };
  const reuse = new ResultReuse({ ...options, workloads, maxBytes, observer, compute, onUnavailable });
  const watch = new ErasureWatch({ ...options, onErased: (user, erasedAt) => reuse.forget(user, erasedAt) });
  return {
    submit: (submission) => reuse.submit(submission),
    cancel: (requestId) => reuse.cancel(requestId),
    start: () => (reuse.isOn ? watch.start() : undefined),
    stop: () => watch.stop(),
  };
}

function seldom(logger: Logger): (now: number, error: unknown) => void {
  let quietUntil = -Infinity;
  return (now, err) => {
    if (now < quietUntil) return;
    quietUntil = now + WARN_EVERY_MS;
    logger.warn({ err }, 'the shared cache is unavailable; results are kept in this process alone');
  };
}
