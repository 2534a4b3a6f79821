export { BatchQueue, type BatchGroup } from './batch-queue.ts';
export type { QueueEntry } from './queue-entry.ts';
export { BatchTimeModel } from './batch-time-model.ts';
export { formBatch, formLiveBatch, takeExpired } from './form-batch.ts';
export { whenToForm } from './when-to-form.ts';
export { ArrivalRate } from './arrival-rate.ts';
export { LENGTH_BUCKETS, lengthBucket } from './length-bucket.ts';
export {
  BATCH_LIMITS, QUEUE_RULES, type Batch, type BatchDecision, type BatchLimits, type BatchSituation, type BatchTimes, type QueuedWork, type QueueRules,
} from './types.ts';
