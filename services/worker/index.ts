export { createWorkerStage } from './worker-stage.ts';
export { resultsOwner } from './shared-results.ts';
export { heldPool, sessionBytes } from './load-prefixes.ts';
export { CacheMemory } from './generate/cache-memory.ts';
export { decode, type DecodeRow } from './generate/decode-call.ts';
export type { DecodingOptions, DecodingUse } from './generate/options.ts';
export { WORKER_LIMITS, type PrefixUse, type VariantCurves, type WorkerLimits, type WorkerObserver, type WorkerStageOptions } from './options.ts';
