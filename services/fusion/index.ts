export { createFusionStage, type FusionObserver, type FusionOptions } from './stage.ts';
