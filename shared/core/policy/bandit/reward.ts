import type { StepResult } from '@tandem/schemas';

/** What a step's outcome is worth: quality − cost − lateness. */
export interface RewardWeights {
  /** Quality that one ms of session time has to be worth. @default 0.005 */
  costPerMs: number;
  /** Lost where the outcome comes behind the deadline, or never: as much as a right answer is worth. @default 1 */
  lateness: number;
  /** Quality that one joule has to be worth; counts only where power is measured. @default 0 */
  perJoule: number;
}

export const REWARD_WEIGHTS: RewardWeights = { costPerMs: 0.005, lateness: 1, perJoule: 0 };

export interface Earned {
  /** 0..1 */
  quality: number;
  /** Session time of its share of the batch. */
  costMs: number;
  isLate: boolean;
  /** Undefined: not measured. */
  joules: number | undefined;
}

/** Late answers are worth nothing, however good. */
export function rewardOf({ quality, costMs, isLate, joules = 0 }: Earned, { costPerMs, lateness, perJoule }: RewardWeights): number {
  return (isLate ? -lateness : quality) - costPerMs * costMs - perJoule * joules;
}

const TOP = 10;

function bestOf(result: StepResult): readonly (number | string)[] {
  if ('items' in result) return result.items.slice(0, TOP);
  const best = result.probabilities.indexOf(Math.max(...result.probabilities));
  return [result.labels[best] ?? ''];
}

/** Of what the large model found best, the share that the small one had found best too: of the first ten items, or the one label. */
export function agreementOf(small: StepResult, large: StepResult): number | undefined {
  const wanted = bestOf(large);
  const given = new Set(bestOf(small));
  return wanted.length === 0 ? undefined : wanted.filter((one) => given.has(one)).length / wanted.length;
}
