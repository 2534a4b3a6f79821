export type { Adapter, PrepareContext, Prepared, UserHistory } from './adapters/types.ts';
export { isDecodingStart, type CacheFormat, type DecodingSpec, type DecodingStart, type DecodingSupport } from './adapters/decoding-support.ts';
export type { PrefixPoolSpec, PrefixRow, PrefixRun, PrefixSupport } from './adapters/prefix-support.ts';
export { PrefixCache, PrefixPool, type PrefixCacheOptions, type PrefixCounts, type PrefixLease, type PrefixMatch } from './prefix/index.ts';
export {
  admittedBy, BanditLearner, banditPolicy, Cluster, deadlineAwarePolicy, decide, evaluatedName, evaluateShares, fixedPolicy, meetingFloor, nextStep, offPolicyValue, optimalSharePolicy, optimalShares, PlaceNames, readExpectation, readPropensity, REWARD_WEIGHTS,
  readySteps, thresholdPolicy, THRESHOLD_DEFAULTS, type BanditOptions, type EvaluatedWorld, type LearnerOptions, type LearnerState, type LoggedDecision, type OffPolicyValue, type PolicyEvaluation, type QualitySource, type Rewarded, type RewardWeights,
  type CameTrue, type ClusterState, type Decision, type DecisionContext, type Expectation, type Forecast, type Path, type Policy, type ServedPool, type ThresholdOptions, type VariantState,
} from './policy/index.ts';
export { TOO_MUCH } from './intake/index.ts';
export { ActiveUsers, IdleWorkers, type ActiveUsersOptions, type AskedFor, type IdleRules } from './ahead/index.ts';
export { answerMarginMs } from './deadlines/index.ts';
export { jsonOf } from './json-of.ts';
export { interactiveQueued } from './heartbeat/interactive-queued.ts';
export { readErasureNotice } from './heartbeat/read-erasure-notice.ts';
export { readSuspectsNotice } from './heartbeat/read-suspects-notice.ts';
export { readHeartbeat } from './heartbeat/read-heartbeat.ts';
export { WORKER_GONE_AFTER_MS } from './heartbeat/worker-gone.ts';
export { FirstActs, type FirstActsOptions, type OfferedItems } from './live-accuracy/first-acts.ts';
export { batchMs, driftOf, monotone, refined } from './profile/index.ts';
export {
  actionFor, agreement, allRolledBack, answerOfArm, applied, controlArm, decideInExperiment, ExperimentBook, ExperimentTallies, isOfArm, promoted, ReportBook, reportKey, reweighted,
  rolledBack, servingArms, started, stopped, summaryOf, weightsProblem,
  type ArmSummary, type Change, type CountsByArm, type ExperimentAction, type ExperimentSummary, type RuledDecision, type OverwrittenExperiment, type ShadowRuling,
} from './experiment/index.ts';
export { endsSoFar, Join, STRATEGIES, type StepWithResult, type Strategy, type Verdict } from './fusion/index.ts';
export {
  activityOf, affinityKey, asOfRequest, buildCancellation, buildTask, catalogueSize, checkSchemaVersion, chooseTask, choosePlan, describeIssues, encodeEntry, historyAsOf,
  identityOf, isCatalogueItem, isErasure, isTimeZone, needsHistory, readInteraction, readRequest, rejectedOutcome, resolveRequest, standingOf,
  type AsOf, type Circumstances, type KnownHistory, type RequestIdentity, type RequestReading, type ResolvedRequest,
  type SensingLimits, type StoredHistory, type TaskEvidence, type WorkloadBinding,
} from './sensing/index.ts';
export { builtInAdapters, classifyAdapter, recommendAdapter } from './adapters/index.ts';
export {
  ArrivalRate, BATCH_LIMITS, BatchQueue, BatchTimeModel, formBatch, formLiveBatch, LENGTH_BUCKETS, lengthBucket, takeExpired, whenToForm,
  type Batch, type BatchDecision, type BatchGroup, type BatchLimits, type BatchSituation, type BatchTimes, type QueuedWork, type QueueEntry,
} from './batching/index.ts';
export { CircuitBreaker, type BreakerOptions, type BreakerPermit, type BreakerState } from './breaker/index.ts';
export { Flights, freshnessMs, Interned, ResultStore, stepContent, structuralHash, type ContentKey, type Flight, type StoredResult } from './result-cache/index.ts';
export { RecentKeys, type RecentKeysOptions } from './recent/index.ts';
export { Quotas, type QuotaRules } from './quotas/index.ts';
export { Autoscaler, LoadMeter, readSchedulerReport, SCALING_DEFAULTS, StartTimes, Trend, type LoadSample, type ScalingDecision, type ScalingRules } from './scaling/index.ts';
export { ADMISSION_DEFAULTS, AdmissionControl, type AdmissionHeartbeat, type AdmissionOptions, type OwnShare } from './admission/index.ts';
export {
  acceptDrafts, choose, nextItems, seedOf, SEQUENCE_LIMITS, SequenceSchedule, uniformAt,
  type ChosenItem, type Draft, type DrawPurpose, type Listing, type NewSequence, type NextItems, type SamplingRules, type Sequence, type SequenceCall,
  type SequenceDecision, type SequenceLimits, type SequenceSituation,
} from './generate/index.ts';
