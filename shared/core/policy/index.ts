export { Cluster, type ClusterOptions, type ServedPool } from './cluster.ts';
export type { ClusterState, Decision, DecisionContext, Policy, VariantState } from './types.ts';
export { decide, meetingFloor, readySteps } from './decide.ts';
export { thresholdPolicy, THRESHOLD_DEFAULTS, type ThresholdOptions } from './threshold.ts';
export { fixedPolicy } from './fixed.ts';
