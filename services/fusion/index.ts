export { createFusionStage } from './stage.ts';
export type { FusionObserver, FusionOptions } from './options.ts';
