export { Cluster, type CameTrue, type ClusterOptions, type ServedPool } from './cluster.ts';
export type { ClusterState, Decision, DecisionContext, Forecast, Policy, VariantState } from './types.ts';
export { deadlineAwarePolicy, type DeadlineAwareOptions } from './deadline-aware.ts';
export { expectedMsOf, readExpectation, type Expectation } from './expectation.ts';
export { decide, meetingFloor, readySteps } from './decide.ts';
export { thresholdPolicy, THRESHOLD_DEFAULTS, type ThresholdOptions } from './threshold.ts';
export { fixedPolicy } from './fixed.ts';
export { optimalSharePolicy, type OptimalShareOptions } from './optimal-share/policy.ts';
export { evaluateShares, optimalShares, type Path, type ShareBounds, type Shares } from './optimal-share/shares.ts';
