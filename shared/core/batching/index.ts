export { BatchQueue, type BatchGroup } from './batch-queue.ts';
export { BatchTimeModel } from './batch-time-model.ts';
export { formBatch, largestBatch, takeExpired } from './form-batch.ts';
export { LENGTH_BUCKETS, lengthBucket } from './length-bucket.ts';
export { BATCH_LIMITS, type Batch, type BatchDecision, type BatchLimits, type BatchSituation, type BatchTimes, type QueuedWork } from './types.ts';
