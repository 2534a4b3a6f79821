import type { Variant } from '@tandem/schemas';
import { evaluatedName, type EvaluatedWorld, type PolicyEvaluation, type RewardWeights } from '@tandem/shared/core';
import { curveTimes, registryProfile } from '@tandem/simulator';
import { learnInWorld, type LearntModel } from './learning.ts';
import { worldsOf, type World } from './worlds.ts';

/** Requests of each run; there are three of them for each world. */
const REQUESTS = 36_000;
const WORKERS = 2;
/** Of what the workers can do with the slowest variant one by one. */
const LOAD = 0.6;
const SLO_MS = 60;
/** So many of its slowest batches have room in the SLO, so that there is a choice. */
const SLO_BATCHES = 40;
/** Earned is a mean of so many answers that are right or not: it may be so much lower by chance. */
const DEVIATIONS = 3;
/** Of what off-policy evaluation had promised. */
const PROMISE_ROOM = 0.02;
const MORE_MISSES = 0.005;

export interface EvaluationOptions {
  variants: readonly Variant[];
  weights: RewardWeights;
  seed?: number;
  /** Of each run. @default 36000 */
  requests?: number;
  /** @default what the registry's variants may turn out to be worth */
  worlds?: (variants: readonly Variant[]) => readonly World[];
}

/**
 * Serves the bandit in the simulator with a registry's variants, in worlds that are made up: what it learns there must be what off-policy evaluation
 * promises, and must earn no less, and miss no more, than deadline-aware does. Models of one precision leave nothing to choose, and those without batch times in the registry are left out.
 */
export function evaluateBandit({ variants, weights, seed = 1, requests = REQUESTS, worlds = worldsOf }: EvaluationOptions): PolicyEvaluation {
  const models = [...Map.groupBy(timed(variants), ({ model }) => model)].filter(([, some]) => some.length > 1);
  return {
    evaluationVersion: 1, policy: 'bandit', estimator: 'doubly robust', date: new Date().toISOString(), weights,
    variants: models.flatMap(([, some]) => some.map(evaluatedName)),
    worlds: models.flatMap(([model, some]) => worlds(some).map((world) => inWorld(model, learntModel(some), world, { weights, seed, requests }))),
  };
}

function timed(variants: readonly Variant[]): Variant[] {
  const profile = registryProfile(variants);
  return variants.filter(({ model, precision }) => profile.has(`${model}.${precision}`));
}

function learntModel(variants: readonly Variant[]): LearntModel {
  const profile = registryProfile(variants);
  const times = new Map(variants.map(({ model, precision }) => [precision, curveTimes(profile.get(`${model}.${precision}`)!, 0.1)]));
  const slowestMs = Math.max(...[...times.values()].map((one) => one.mean(1)));
  return { variants, times, perSecond: (LOAD * WORKERS * 1_000) / slowestMs, sloMs: Math.max(SLO_MS, SLO_BATCHES * slowestMs) };
}

function inWorld(name: string, model: LearntModel, world: World, { weights, seed, requests }: { weights: RewardWeights; seed: number; requests: number }): EvaluatedWorld {
  const [base, bandit] = learnInWorld(world, { model, weights, seed, seconds: requests / model.perSecond });
  const { decisions, doublyRobust: promised, standardError, earned, missShare } = bandit!;
  const figures = { model: name, world: world.name, decisions, promised, standardError, earned, fallbackEarned: base!.earned, missShare, fallbackMissShare: base!.missShare };
  const failed = failureOf(figures);
  return failed === undefined ? figures : { ...figures, failed };
}

/** Undefined: it may serve. */
export function failureOf({ decisions, promised, standardError, earned, fallbackEarned, missShare, fallbackMissShare }: Omit<EvaluatedWorld, 'failed'>): string | undefined {
  if (decisions === 0) return 'there was never anything to choose';
  // Half of the answers right: the widest that a mean of answers may be off, twice.
  const chance = DEVIATIONS * Math.sqrt(0.5 / decisions);
  if (earned < fallbackEarned - chance) return `it earned ${earned.toFixed(3)} a decision, and deadline-aware ${fallbackEarned.toFixed(3)}`;
  if (earned < promised - 4 * standardError - PROMISE_ROOM) return `${promised.toFixed(3)} a decision was promised, and ${earned.toFixed(3)} earned`;
  if (missShare > fallbackMissShare + MORE_MISSES) return `it missed ${(100 * missShare).toFixed(1)} % of the requests, and deadline-aware ${(100 * fallbackMissShare).toFixed(1)} %`;
  return undefined;
}
