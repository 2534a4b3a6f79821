import type { Settings } from '@tandem/shared/config';
import { deadlineAwarePolicy, fixedPolicy, optimalSharePolicy, thresholdPolicy, type Policy } from '@tandem/shared/core';

/** The policy that the settings name. */
export function policyOf({ policy, precision, tierWeights }: Pick<Settings, 'policy' | 'precision' | 'tierWeights'>): Policy {
  switch (policy) {
    case 'deadline-aware': return deadlineAwarePolicy({ tierWeights });
    case 'optimal-share': return optimalSharePolicy();
    case 'fixed': return fixedPolicy(precision);
    case 'threshold': return thresholdPolicy();
  }
}
