export type { Adapter, PrepareContext, Prepared, UserHistory } from './adapters/types.ts';
export {
  decide, fixedPolicy, meetingFloor, readySteps, thresholdPolicy, THRESHOLD_DEFAULTS,
  type ClusterState, type Decision, type DecisionContext, type Policy, type ThresholdOptions, type VariantState,
} from './policy/index.ts';
export { endsSoFar, Join, STRATEGIES, type StepWithResult, type Strategy, type Verdict } from './fusion/index.ts';
export {
  activityOf, affinityKey, asOfRequest, buildTask, catalogueSize, checkSchemaVersion, chooseTask, choosePlan, encodeEntry, historyAsOf,
  identityOf, isCatalogueItem, needsHistory, readInteraction, readRequest, rejectedOutcome, resolveRequest,
  type AsOf, type Circumstances, type KnownHistory, type RequestIdentity, type RequestReading, type ResolvedRequest,
  type SensingLimits, type StoredHistory, type TaskEvidence, type WorkloadBinding,
} from './sensing/index.ts';
export { builtInAdapters, classifyAdapter, recommendAdapter } from './adapters/index.ts';
export {
  BATCH_LIMITS, BatchQueue, BatchTimeModel, formBatch, largestBatch, LENGTH_BUCKETS, lengthBucket, takeExpired,
  type Batch, type BatchDecision, type BatchGroup, type BatchLimits, type BatchSituation, type BatchTimes, type QueuedWork,
} from './batching/index.ts';
export { ADMISSION_DEFAULTS, AdmissionControl, type AdmissionHeartbeat, type AdmissionOptions, type OwnShare } from './admission/index.ts';
