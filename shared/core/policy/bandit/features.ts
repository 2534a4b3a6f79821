import { expectedMsOf } from '../expectation.ts';
import { timeLeftMs } from '../time-left.ts';
import type { DecisionContext, Forecast } from '../types.ts';

/** What the reward of a variant may depend on. */
export const FEATURES = ['constant', 'tightness', 'backlog', 'use', 'activity', 'complexity'] as const;

const MOST = 2;
/** Histories as long as this are as complex as it gets. */
const LONG_HISTORY = 64;

/** In the order of FEATURES, each of 0..1 or little more. */
export function featuresOf(context: DecisionContext, forecast: Forecast | undefined): number[] {
  const { task, cluster: { resources } } = context;
  const leftMs = Math.max(1, timeLeftMs(context));
  const share = (ms: number) => Math.min(MOST, ms / leftMs);
  return [
    1,
    forecast === undefined ? 0 : share(expectedMsOf(forecast)),
    forecast === undefined ? 0 : share(forecast.backlogMs),
    resources?.accelerator?.use ?? resources?.cpuUse ?? 0,
    task.activity,
    Math.min(1, Math.log1p(task.interactions ?? 0) / Math.log1p(LONG_HISTORY)),
  ];
}
