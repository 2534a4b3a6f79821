export { batchMs, monotone } from './batch-curve.ts';
