/** One decision, as it was logged: enough to say what another policy's would have earned. */
export interface LoggedDecision {
  /** With which the chosen action was drawn, 0 < p ≤ 1. */
  propensity: number;
  /** Place of the chosen action among those that were admissible. */
  chosen: number;
  reward: number;
  /** What was expected of each action before the reward was known. */
  expected: readonly number[];
}

/** What a policy would have earned per decision. */
export interface OffPolicyValue {
  decisions: number;
  /** Inverse propensity scoring: unbiased where the propensities are right. */
  ips: number;
  /** The same, normalised by its weights: biased a little, far less scattered. */
  snips: number;
  /** Doubly robust (Dudík, Langford and Li, ICML 2011): right where the propensities or the expectations are. */
  doublyRobust: number;
  /** Standard error of it. */
  standardError: number;
}

/** @param target place of the action that the policy to be evaluated takes; it has to be one of those that were admissible */
export function offPolicyValue(log: readonly LoggedDecision[], target: (decision: LoggedDecision) => number): OffPolicyValue {
  let [weights, weighted, sum, squares] = [0, 0, 0, 0];
  for (const decision of log) {
    const wanted = target(decision);
    const weight = wanted === decision.chosen ? 1 / decision.propensity : 0;
    const robust = robustValue(decision, wanted);
    weights += weight;
    weighted += weight * decision.reward;
    sum += robust;
    squares += robust * robust;
  }
  const decisions = log.length;
  const mean = sum / decisions;
  return {
    decisions, ips: weighted / decisions, snips: weighted / weights, doublyRobust: mean,
    standardError: Math.sqrt(Math.max(0, squares / decisions - mean * mean) / Math.max(1, decisions - 1)),
  };
}

/** One decision's part in the doubly robust value of an action. */
export function robustValue({ propensity, chosen, reward, expected }: LoggedDecision, action: number): number {
  const correction = action === chosen ? (reward - expected[chosen]!) / propensity : 0;
  return expected[action]! + correction;
}
