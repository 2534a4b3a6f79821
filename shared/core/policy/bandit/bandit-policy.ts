import type { Variant } from '@tandem/schemas';
import type { Random } from '../../../clock/index.ts';
import { deadlineAwarePolicy, fittingVariants, type DeadlineAwareOptions } from '../deadline-aware.ts';
import { timeLeftMs } from '../time-left.ts';
import type { Decision, DecisionContext, Policy, VariantState } from '../types.ts';
import { evaluatedName } from './evaluation.ts';
import { featuresOf } from './features.ts';
import { QUALITY_SOURCES, type Action, type BanditLearner, type QualitySource } from './learner.ts';

export interface BanditOptions {
  learner: BanditLearner;
  /** Injected: the same numbers give the same decisions. */
  random: Random;
  /** Half widths of the confidence interval that an action is given the benefit of (LinUCB's α). @default 0.5 */
  alpha: number;
  /** Of decisions between several variants that are in time, those that are drawn by lot, so that others' choices can be evaluated. @default 0.1 */
  explore: number;
  /** Rewards of each variant before its estimate counts. @default 50 */
  fewest: number;
  /** An estimate without news for so long is not trusted, ms. @default 600000 */
  staleAfterMs: number;
  /** Nor is one whose confidence interval is wider than this to each side. @default 0.1 */
  widest: number;
  /** Whether it has been evaluated with a variant: among others the fallback chooses, and nothing is drawn by lot or learnt. @default all, as in the simulator where it is evaluated */
  isEvaluated: (variant: Variant) => boolean;
  /** Of the policy that decides what is in time, and everything where nobody is sure. */
  deadlineAware: Partial<DeadlineAwareOptions>;
}

const BANDIT_DEFAULTS = { alpha: 0.5, explore: 0.1, fewest: 50, staleAfterMs: 600_000, widest: 0.1, isEvaluated: () => true, deadlineAware: {} };

/** What one source of quality would take. */
interface View {
  expected: readonly number[];
  learnt: number;
  /** Why its estimates do not count; undefined: they do. */
  doubt: string | undefined;
  /** It has been shown to earn no less than the fallback. */
  isOpen: boolean;
}

function viewOf(source: QualitySource, actions: readonly Action[], fallback: number, now: number, { learner, alpha, fewest, staleAfterMs, widest }: Omit<BanditOptions, 'random'>): View {
  const estimates = actions.map((action) => learner.estimate(source, action));
  const bounds = estimates.map(({ mean, width }) => mean + alpha * width);
  // Of equals the fallback's: nothing is changed for nothing.
  const learnt = bounds.reduce((best, bound, index) => (bound > bounds[best]! ? index : best), fallback);
  const few = estimates.find(({ weight }) => weight < fewest);
  const stale = estimates.find(({ at }) => now - at > staleAfterMs);
  const wide = estimates.find(({ width }) => alpha * width > widest);
  const doubt = few !== undefined ? `${Math.floor(few.weight)} of ${fewest} rewards`
    : stale !== undefined ? 'nothing heard for long'
      : wide !== undefined ? `±${(alpha * wide.width).toFixed(2)}` : undefined;
  return { expected: estimates.map(({ mean }) => mean), learnt, doubt, isOpen: learner.gain(source).isOpen };
}

/** The best source that knows enough decides, also where it says no: what users do outweighs what validation had promised. */
function trusted(views: Readonly<Record<QualitySource, View>>): { source: QualitySource } | { doubt: string } {
  const source = QUALITY_SOURCES.find((one) => views[one].doubt === undefined);
  if (source === undefined) return { doubt: views.agreement.doubt! };
  return views[source].isOpen ? { source } : { doubt: `not yet shown to be better by ${source}` };
}

function actionOf(context: DecisionContext, state: VariantState, best: number): Action {
  const { task, step, cluster } = context;
  const { variant } = state;
  const forecast = cluster.forecast(state, task.tier, task.key);
  return {
    arm: `${task.workload}/${step.id}/${variant.model}.${variant.precision}`, features: featuresOf(context, forecast),
    accuracyShare: best > 0 ? variant.accuracy.value / best : 1, costMs: forecast?.costMs ?? 0, joules: forecast?.joules,
  };
}

/** With `propensity`, so that what was logged can tell what another policy would have earned. */
function reasonOf(why: string, propensity: number): string {
  return `bandit: ${why}; propensity ${propensity.toFixed(4)}`;
}

const PATTERN = /bandit: .*; propensity ([\d.]+)/;

/** Of a response's `steps[].reason`: with which probability it was chosen. Undefined: not by lot. */
export function readPropensity(reason: string): number | undefined {
  const match = PATTERN.exec(reason);
  return match === null ? undefined : Number(match[1]);
}

/**
 * Learns from feedback which of the variants that are in time is worth most: LinUCB (Li, Chu, Langford and Schapire, WWW 2010) with a
 * regression for each variant and step that forgets, reward = quality − cost − lateness. What is in time, and what keeps the floor, is not
 * learnt but given: it only ever chooses among the variants that deadline-aware would let through, so neither exploring nor a wrong estimate
 * breaks a deadline or a floor. A small share is drawn by lot, with propensities on record. Where it is unsure (few rewards, none of late, a
 * wide interval, or not yet shown to be better by off-policy evaluation) the choice is deadline-aware's.
 */
export function banditPolicy(over: Pick<BanditOptions, 'learner' | 'random'> & Partial<BanditOptions>): Policy {
  const options: BanditOptions = { ...BANDIT_DEFAULTS, ...over };
  const { learner, random, explore } = options;
  const base = deadlineAwarePolicy(options.deadlineAware);
  return {
    name: 'bandit',
    choose(context, candidates) {
      const fallback = base.choose(context, candidates);
      if (fallback.kind !== 'dispatch' || context.task.deadlineAt === null) return fallback;
      const fitting = fittingVariants(context, candidates, options.deadlineAware);
      const kept = fitting.findIndex(({ variant: { model, precision }, pool }) => model === fallback.model && precision === fallback.precision && pool === fallback.pool);
      if (kept === -1 || fitting.length === 1) return fallback;
      const unknown = fitting.find(({ variant }) => !options.isEvaluated(variant));
      if (unknown !== undefined) return { ...fallback, reason: `bandit: unsure (not evaluated with ${evaluatedName(unknown.variant)}), ${fallback.reason}` };
      return chosenOf(context, fitting, kept, fallback);
    },
    returned: (outcome, now) => learner.returned(outcome, now),
    judged: (requestId, isRight, now) => learner.judged(requestId, isRight, now),
  };

  function chosenOf(context: DecisionContext, fitting: readonly VariantState[], kept: number, fallback: Decision & { kind: 'dispatch' }): Decision {
    const { task: { requestId }, step, now } = context;
    const best = Math.max(...context.cluster.variantsOf(step.model).map(({ variant }) => variant.accuracy.value));
    const actions = fitting.map((state) => actionOf(context, state, best));
    const views = { live: viewOf('live', actions, kept, now, options), agreement: viewOf('agreement', actions, kept, now, options) };
    const trust = trusted(views);
    const wanted = 'source' in trust ? views[trust.source].learnt : kept;
    const isDrawn = random() < explore;
    const chosen = isDrawn ? Math.min(fitting.length - 1, Math.floor(random() * fitting.length)) : wanted;
    const propensity = explore / fitting.length + (chosen === wanted ? 1 - explore : 0);
    learner.decided({ requestId, step: step.id, actions, chosen, propensity, fallback: kept, views, closesAt: now + timeLeftMs(context) });
    const { variant: { model, precision }, pool } = fitting[chosen]!;
    const why = isDrawn ? `drawn by lot of ${fitting.length} in time`
      : 'source' in trust ? `worth most of ${fitting.length} in time by ${trust.source}` : `unsure (${trust.doubt}), ${fallback.reason}`;
    return { kind: 'dispatch', model, precision, ...(pool === undefined ? {} : { pool }), reason: reasonOf(why, propensity) };
  }
}
