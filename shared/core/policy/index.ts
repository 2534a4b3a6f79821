export { Cluster, type CameTrue, type ServedPool } from './cluster.ts';
export type { ClusterState, Decision, DecisionContext, Forecast, Policy, VariantState } from './types.ts';
export { deadlineAwarePolicy } from './deadline-aware.ts';
export { readExpectation, type Expectation } from './expectation.ts';
export {
  admittedBy, BanditLearner, banditPolicy, evaluatedName, offPolicyValue, readPropensity, REWARD_WEIGHTS, type BanditOptions, type EvaluatedWorld, type PolicyEvaluation, type LearnerOptions, type LearnerState, type LoggedDecision, type OffPolicyValue, type QualitySource, type Rewarded, type RewardWeights,
} from './bandit/index.ts';
export { PlaceNames } from './outstanding.ts';
export { decide, meetingFloor, nextStep, readySteps } from './decide.ts';
export { thresholdPolicy, THRESHOLD_DEFAULTS, type ThresholdOptions } from './threshold.ts';
export { fixedPolicy } from './fixed.ts';
export { optimalSharePolicy } from './optimal-share/policy.ts';
export { evaluateShares, optimalShares, type Path } from './optimal-share/shares.ts';
