export { idSchema, precisionSchema, requestIdSchema, userIdSchema, itemIdSchema, epochMillisSchema } from './ids.ts';
export { statusSchema, reasonSchema, errorCodeSchema, type Status, type Reason, type ErrorCode } from './codes.ts';
export { gatewayCodeSchema, type GatewayCode } from './gateway-codes.ts';
export { REPLY_PARTITIONS, readReplyAddress, writeReplyAddress, type ReplyAddress } from './reply-to.ts';
export { HEADER, CARRIED_HEADERS, DEAD_LETTER_HEADER, RETRY_HEADER, SCHEMA_VERSION, UNREADABLE_BATCH_HEADER } from './headers.ts';
export {
  DEFAULT_TIER, requestSchema, cancelSchema, interactionSchema, erasureSchema, hintsSchema, taskKindSchema, recommendInputSchema, generateInputSchema, classifyInputSchema,
  type Request, type Cancel, type Interaction, type Erasure, type Hints, type TaskKind, type RecommendInput, type GenerateInput, type ClassifyInput,
} from './ingress-to-classifier.ts';
export { planSchema, planStepSchema, strategySchema, type Plan, type PlanStep, type StrategyName } from './plan.ts';
export type { Cancellation, Task, TaskRecord, Lane, Mark, RecommendFeatures, GenerateFeatures, ClassifyFeatures } from './classifier-to-scheduler.ts';
export { dueAtOf, isOverdue, type Work, type WorkRecord } from './scheduler-to-worker.ts';
export { CANCELLED } from './outcomes.ts';
export type { Outcome, ProgressOutcome, RedispatchOutcome, RejectedOutcome, StepEnd, StepEnds, StepOutcome, StepResult, StepRun, RankedItems, ClassScores, ShadowOutcome } from './outcomes.ts';
export { responseSchema, responseStepSchema, resultSchema, type Response, type ResponseStep, type Result } from './fusion-to-consumers.ts';
export type { AcceleratorSample, BatchTimePoint, ErasureNotice, Heartbeat, NetworkUse, ResourceSample, SchedulerReport, SuspectsNotice, VariantLoad } from './worker-to-telemetry.ts';
export {
  experimentSchema,
  type ArmCounts, type Experiment, type ExperimentArm, type ExperimentControl, type ExperimentReport, type Instead, type StepArm, type TaskArm,
} from './experiment.ts';
export { auditEntrySchema, controlSchema, type AuditEntry, type Control } from './operators-to-stages.ts';
export { registrySchema, variantSchema, graphSchema, tensorSpecSchema, type Registry, type Variant, type GraphSpec, type TensorSpec } from './registry.ts';
export { workloadSchema, type Freshness, type Workload, type WorkloadRule } from './workload.ts';
export {
  STAGE_NAMES, type StageName,
  topicName, workTopicName, fixedTopics, variantTopics, DEFAULT_PREFIX, DEFAULT_PARTITIONS, MAX_RECORD_BYTES, MAX_INTERNAL_RECORD_BYTES,
  type TopicSpec, type TopicKind, type RetryTopicKind, type TopologyOptions,
} from './topology.ts';
