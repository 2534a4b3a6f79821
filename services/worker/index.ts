export { createWorkerStage } from './worker-stage.ts';
export { resultsOwner } from './shared-results.ts';
export { WORKER_LIMITS, type PrefixUse, type WorkerLimits, type WorkerObserver, type WorkerStageOptions } from './options.ts';
