export { batchMs, monotone } from './batch-curve.ts';
export { pooledCurve } from './pooled-curve.ts';
export { driftOf, refined } from './refine.ts';
