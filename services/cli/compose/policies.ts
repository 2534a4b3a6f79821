import type { Settings } from '@tandem/shared/config';
import { BanditLearner, banditPolicy, deadlineAwarePolicy, fixedPolicy, optimalSharePolicy, REWARD_WEIGHTS, thresholdPolicy, type Policy, type RewardWeights } from '@tandem/shared/core';

type PolicySettings = Pick<Settings, 'policy' | 'precision' | 'tierWeights' | 'accuracyPerJoule' | 'learningCostPerMs'>;

/** The policy that the settings name; one that learns begins anew. */
export function policyOf(settings: PolicySettings): Policy {
  const { policy, precision, tierWeights, accuracyPerJoule } = settings;
  switch (policy) {
    case 'deadline-aware': return deadlineAwarePolicy({ tierWeights, accuracyPerJoule });
    case 'optimal-share': return optimalSharePolicy();
    case 'bandit': return banditPolicy({ learner: learnerOf(settings), random: Math.random, deadlineAware: { tierWeights, accuracyPerJoule } });
    case 'fixed': return fixedPolicy(precision);
    case 'threshold': return thresholdPolicy();
  }
}

/** What counts for policies that learn. */
export function rewardWeights({ learningCostPerMs, accuracyPerJoule }: Pick<Settings, 'learningCostPerMs' | 'accuracyPerJoule'>): RewardWeights {
  return { ...REWARD_WEIGHTS, costPerMs: learningCostPerMs, perJoule: accuracyPerJoule };
}

export function learnerOf(settings: Pick<Settings, 'learningCostPerMs' | 'accuracyPerJoule'>): BanditLearner {
  return new BanditLearner({ weights: rewardWeights(settings) });
}
