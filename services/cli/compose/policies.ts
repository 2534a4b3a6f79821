import type { Settings } from '@tandem/shared/config';
import { deadlineAwarePolicy, fixedPolicy, thresholdPolicy, type Policy } from '@tandem/shared/core';

/** The policy that the settings name. */
export function policyOf({ policy, precision }: Pick<Settings, 'policy' | 'precision'>): Policy {
  switch (policy) {
    case 'deadline-aware': return deadlineAwarePolicy();
    case 'fixed': return fixedPolicy(precision);
    case 'threshold': return thresholdPolicy();
  }
}
