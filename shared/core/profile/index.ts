export { batchMs, monotone } from './batch-curve.ts';
export { driftOf, refined } from './refine.ts';
