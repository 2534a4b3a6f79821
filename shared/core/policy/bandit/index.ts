export { banditPolicy, readPropensity, type BanditOptions } from './bandit-policy.ts';
export { admittedBy, evaluatedName, type EvaluatedWorld, type PolicyEvaluation } from './evaluation.ts';
export { BanditLearner, type LearnerState, type LearnerOptions, type QualitySource, type Rewarded } from './learner.ts';
export { offPolicyValue, type LoggedDecision, type OffPolicyValue } from './off-policy.ts';
export { REWARD_WEIGHTS, type RewardWeights } from './reward.ts';
