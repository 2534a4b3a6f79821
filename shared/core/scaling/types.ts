/** What all workers together had to do since the last sample, and what they can do. */
export interface LoadSample {
  /** Epoch ms. */
  at: number;
  /** How long it covers, ms. */
  durationMs: number;
  /** Workers that are alive and serve. */
  workers: number;
  /** Batches that run at once, over all workers. */
  sessions: number;
  /** Session time that the interactive steps need that arrived, in full batches, ms. */
  arrivedMs: number;
  /** Session time that the interactive steps need that wait or run now, ms. */
  backlogMs: number;
  /** Interactive steps that schedulers decided about. */
  asked: number;
  /** Of them: refused, since they would have been late or nobody served them. */
  refused: number;
  /** Steps of the bulk lane that schedulers gave to workers: they want no more workers, but one. */
  bulk: number;
  /** Refused, or given to workers and late there. */
  missed: number;
}

export interface ScalingRules {
  /** Workers, at the least; 0: none where nothing is asked for `idleAfterMs`. */
  min: number;
  max: number;
  /** Share of all sessions' time beyond which workers are added. */
  targetUse: number;
  /** Workers go when so large a share would do for those that are left. Below `targetUse`, so that noise changes nothing. */
  lowerUse: number;
  /** A backlog counts as the load that works it off within this, ms. */
  drainWithinMs: number;
  /** What is wanted for so long without a break is added, ms. */
  upAfterMs: number;
  /** What has not been wanted once for so long goes, ms. */
  downAfterMs: number;
  /** Where `min` is 0: the last worker goes when nothing was asked for so long, ms. */
  idleAfterMs: number;
  /** Share of late or refused steps from which on workers are added whatever their use says. */
  toleratedMisses: number;
  /** A trend is looked for in so much of the past, ms. */
  trendMs: number;
}

/**
 * `lowerUse` and `targetUse` are so far apart that a constant load with noise of up to 16 % either way, (0.7 − 0.5)/(0.7 + 0.5), never takes away a worker
 * that its peaks have brought: workers come from L(1 + e)/0.7 on, and go only below L(1 − e)/0.5. Peaks that last for the first time bring what they need.
 */
export const SCALING_DEFAULTS: ScalingRules = {
  min: 1, max: 4, targetUse: 0.7, lowerUse: 0.5, drainWithinMs: 2_000, upAfterMs: 3_000, downAfterMs: 60_000, idleAfterMs: 300_000, toleratedMisses: 0.01, trendMs: 60_000,
};

/** How many workers there should be, and why. */
export interface ScalingDecision {
  workers: number;
  reason: string;
}
