export { createWorkerStage } from './worker-stage.ts';
export { resultsOwner } from './shared-results.ts';
export { WORKER_LIMITS, type WorkerLimits, type WorkerObserver, type WorkerStageOptions } from './options.ts';
