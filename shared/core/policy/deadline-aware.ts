import { QUEUE_RULES } from '../batching/index.ts';
import { laterMs } from './later-steps.ts';
import { expectedMsOf } from './expectation.ts';
import { meetingFloor, servable } from './decide.ts';
import { timeLeftMs } from './time-left.ts';
import type { Decision, DecisionContext, Forecast, Policy, VariantState } from './types.ts';

export interface DeadlineAwareOptions {
  /**
   * Of a step's time, what a variant may need that is not the cheapest, behind the recent peak of all work. The rest is room for the
   * load to grow before the cheapest is too slow as well. Tiers of larger weight w leave less room, (1 − share)/w. @default 0.6
   */
  comfortShare: number;
  /** Of that share, what is left of it for a variant dearer than the last one of its tier: going back up needs calmer times than staying. @default 0.6 */
  upShare: number;
  /** @default as the workers': vip 4, standard 1 */
  tierWeights: Readonly<Record<string, number>>;
  /**
   * How many usual errors of the forecast have to fit in beside it, for a variant that is not the cheapest. The cheapest only has to be
   * able to be in time: else the step is refused, so doubt is in favour of trying. @default 2
   */
  marginDeviations: number;
  /** Without a deadline throughput counts: the cheapest whose accuracy is below the best by no more than this share. @default 0.01 */
  toleratedLoss: number;
  /**
   * With a deadline: of the variants that are in time the cheapest whose accuracy is below the best of them by no more than this share. Validation on some
   * thousand users does not tell such differences apart; session time it does. @default 0.005
   */
  indifference: number;
  /** Accuracy that one joule has to be worth; counts where the power of all that could be chosen is measured. @default 0 */
  accuracyPerJoule: number;
}

const DEADLINE_AWARE_DEFAULTS: DeadlineAwareOptions = {
  comfortShare: 0.6, upShare: 0.6, tierWeights: QUEUE_RULES.tierWeights, marginDeviations: 2, toleratedLoss: 0.01, indifference: 0.005, accuracyPerJoule: 0,
};

/** A backlog below this is none: whoever then seems too slow is tried, since only what runs tells. */
const NO_BACKLOG_MS = 1;

interface Option {
  state: VariantState;
  accuracy: number;
  /** Undefined: nothing is known, so it is tried. */
  forecast: Forecast | undefined;
  /** Until its outcome is here, at the least, ms. */
  needMs: number;
  /** The same as expected, as of the recent peak and with a margin. */
  peakNeedMs: number;
  costMs: number;
}

function optionOf(state: VariantState, { cluster, task }: DecisionContext, { marginDeviations }: DeadlineAwareOptions): Option {
  const forecast = cluster.forecast(state, task.tier, task.key);
  const accuracy = state.variant.accuracy.value;
  // It is not taken for cheap: where the CPU is short it is not the time to try something new.
  if (forecast === undefined) return { state, accuracy, forecast, needMs: 0, peakNeedMs: 0, costMs: Infinity };
  const peakNeedMs = expectedMsOf(forecast) + forecast.peakQueueMs - forecast.queueMs + marginDeviations * forecast.deviationMs;
  return { state, accuracy, forecast, needMs: forecast.soonestMs, peakNeedMs, costMs: forecast.costMs };
}

function cheapestOf(options: readonly Option[]): Option {
  return options.reduce((best, option) => (option.costMs < best.costMs || (option.costMs === best.costMs && option.needMs < best.needMs) ? option : best));
}

/** The most accurate; of equals the cheapest. */
function mostAccurateOf(options: readonly Option[]): Option {
  return options.reduce((best, option) => (option.accuracy > best.accuracy || (option.accuracy === best.accuracy && option.costMs < best.costMs) ? option : best));
}

/** The cheapest of those that are as good as the most accurate, as far as can be told. */
function worthiestOf(options: readonly Option[], indifference: number): Option {
  const best = mostAccurateOf(options);
  return cheapestOf(options.filter(({ accuracy }) => accuracy >= best.accuracy - indifference * Math.abs(best.accuracy)));
}

/**
 * What this step may take: what is left until the deadline, shared with the steps after it in proportion to what each takes at least.
 * Those that nobody insists on give way where there is not enough for all.
 */
function budgetMs(context: DecisionContext, leftMs: number, ownMs: number): number {
  const later = laterMs(context);
  if (later.ms === 0) return leftMs;
  if (ownMs + later.ms <= leftMs || later.required) return (leftMs * ownMs) / (ownMs + later.ms);
  return leftMs;
}

function dispatch({ state: { variant, pool }, forecast }: Option, why: string): Decision {
  const { model, precision } = variant;
  return { kind: 'dispatch', model, precision, ...(pool === undefined ? {} : { pool }), reason: `deadline-aware: ${why}`, ...(forecast === undefined ? {} : { forecast }) };
}

/** From this use on the machines have less to spare than the queues show, since other stages and the log want them too; from the second on nothing. */
const [BUSY_ABOVE, EXHAUSTED_FROM] = [0.8, 0.95];

/** 1: idle enough, as far as is known; 0: exhausted. Where the accelerator does not tell its use the CPU's counts, since it is the stages and the log that wait there; where neither is known, only the queues speak. */
function roomOf({ resources }: DecisionContext['cluster']): number {
  const use = resources?.accelerator?.use ?? resources?.cpuUse ?? 0;
  return Math.max(0, Math.min(1, (EXHAUSTED_FROM - use) / (EXHAUSTED_FROM - BUSY_ABOVE)));
}

/** What a variant that is not the cheapest may need of a step's time. Those who pay more have the better model for longer. */
function comfortOf({ task, step, cluster }: DecisionContext, options: readonly Option[], { comfortShare, upShare, tierWeights }: DeadlineAwareOptions): (option: Option) => number {
  const share = roomOf(cluster) * Math.max(0, 1 - (1 - comfortShare) / (tierWeights[task.tier] ?? 1));
  const last = cluster.lastPrecision?.(step.model, task.tier);
  const lastCostMs = options.find(({ state }) => state.variant.precision === last)?.costMs ?? Infinity;
  return ({ costMs }) => costMs > lastCostMs ? upShare * share : share;
}

function fittingOf(options: readonly Option[], budget: number, comfort: (option: Option) => number): Option[] {
  const cheapest = cheapestOf(options);
  return options.filter((option) => option === cheapest ? option.needMs <= budget : option.peakNeedMs < comfort(option) * budget);
}

/** Undefined: none is in time. */
function inTime(options: readonly Option[], budget: number, comfort: (option: Option) => number, { accuracyPerJoule, indifference }: DeadlineAwareOptions): Option | undefined {
  const fits = fittingOf(options, budget, comfort);
  if (fits.length === 0) return undefined;
  const isMeasured = accuracyPerJoule > 0 && fits.every(({ forecast }) => forecast?.joules !== undefined);
  if (isMeasured) return mostAccurateOf(fits.map((fit) => ({ ...fit, accuracy: fit.accuracy - accuracyPerJoule * fit.forecast!.joules! })));
  return worthiestOf(fits, indifference);
}

/** What deadline-aware would let through for this step: variants that are in time with room to spare, and the cheapest if it can be. */
export function fittingVariants(context: DecisionContext, candidates: readonly VariantState[], over: Partial<DeadlineAwareOptions> = {}): VariantState[] {
  const bounds = { ...DEADLINE_AWARE_DEFAULTS, ...over };
  const options = candidates.map((state) => optionOf(state, context, bounds));
  const budget = budgetMs(context, timeLeftMs(context), cheapestOf(options).needMs);
  return fittingOf(options, budget, comfortOf(context, options, bounds)).map(({ state }) => state);
}

/** Models that may stand in, if they are good enough and in time. */
function standIn(context: DecisionContext, best: number, options: DeadlineAwareOptions): Decision | undefined {
  const { step: { fallbacks = [], model }, task, cluster } = context;
  for (const other of fallbacks) {
    const known = servable(context, cluster.variantsOf(other)) ?? [];
    const goodEnough = known.filter(({ variant, workers }) => workers > 0 && variant.accuracy.value >= (task.accuracyFloor ?? 0) * best);
    if (goodEnough.length === 0) continue;
    const choices = meetingFloor(goodEnough, 0).map((state) => optionOf(state, context, options));
    const chosen = inTime(choices, timeLeftMs(context), () => 1, options);
    if (chosen !== undefined) return dispatch(chosen, `stands in, as ${model} would be late`);
  }
  return undefined;
}

/**
 * Per step, the most accurate variant that is expected to be in time: what waits at its workers, its own batch and the ways there and
 * back, within this step's share of what is left until the deadline. Dearer variants than the cheapest need room to spare even as of
 * the recent peak of the load, so the choice does not flap and the queue stays short. Where none is in time: another model that the
 * plan allows, then shed; tiers of small weight first, since their guaranteed share of the workers is small. After INFaaS (Romero et
 * al., ATC 2021: choose among variants by measured profiles and load) and Clockwork (Gujarati et al., OSDI 2020: predict, and refuse
 * what would be late).
 */
export function deadlineAwarePolicy(over: Partial<DeadlineAwareOptions> = {}): Policy {
  const bounds = { ...DEADLINE_AWARE_DEFAULTS, ...over };
  return {
    name: 'deadline-aware',
    choose(context, candidates) {
      const { task } = context;
      const options = candidates.map((state) => optionOf(state, context, bounds));
      const best = mostAccurateOf(options);
      if (task.deadlineAt === null) return withoutDeadline(context, options, best, bounds);
      const leftMs = timeLeftMs(context);
      const cheapest = cheapestOf(options);
      const budget = budgetMs(context, leftMs, cheapest.needMs);
      const chosen = inTime(options, budget, comfortOf(context, options, bounds), bounds);
      if (chosen !== undefined) return dispatch(chosen, `${chosen.state === best.state ? 'best' : chosen.accuracy >= (1 - bounds.indifference) * best.accuracy ? 'as good as the best' : 'best in time'} of ${options.length} within ${budget.toFixed(0)} ms`);
      if ((cheapest.forecast?.backlogMs ?? 0) < NO_BACKLOG_MS) return dispatch(cheapest, `nothing waits, tried within ${budget.toFixed(0)} ms`);
      return standIn(context, best.accuracy, bounds) ?? shed(context, cheapest, leftMs);
    },
  };
}

function withoutDeadline({ task }: DecisionContext, options: readonly Option[], best: Option, { toleratedLoss }: DeadlineAwareOptions): Decision {
  if (task.lane !== 'bulk') return dispatch(best, 'best, no deadline');
  return dispatch(cheapestOf(options.filter(({ accuracy }) => accuracy >= (1 - toleratedLoss) * best.accuracy)), 'bulk, cheapest of the best');
}

function shed({ task, step }: DecisionContext, { needMs, state }: Option, leftMs: number): Decision {
  const reason = `overload: ${step.model} needs ${needMs.toFixed(0)} ms for tier ${task.tier} even at ${state.variant.precision}, ${leftMs.toFixed(0)} ms are left; send less, or allow more time`;
  return { kind: 'fail', code: 'overload', reason };
}
