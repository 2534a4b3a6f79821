export { createClassifierStage, type ClassifierStage } from './classifier-stage.ts';
export { featureKey } from './feature-store.ts';
export type { ClassifierObserver } from './observer.ts';
export type { ClassifierOptions } from './options.ts';
export { Precomputation, withPrecomputation, type PrecomputationOptions } from './ahead/precomputation.ts';
export { withBulkAdmission, type BulkAdmissionOptions } from './bulk-admission.ts';
