import type { PlanStep } from '@tandem/schemas';
import { expectedMsOf } from '../expectation.ts';
import type { DecisionContext, VariantState } from '../types.ts';
import type { Path } from './shares.ts';

/** A way through a plan: a variant for each step that runs. */
export interface PlanPath extends Path {
  /** By step; absent: skipped. */
  choices: ReadonlyMap<string, VariantState>;
}

/** All ways through a plan, and what there is for them. */
export interface PlanPaths {
  paths: PlanPath[];
  /** ms of session time that each resource of their costs gives per second. */
  capacityMs: Readonly<Record<string, number>>;
}

/** More combinations than this are not worth solving for. */
const MOST_PATHS = 64;
const SECOND_MS = 1_000;

const EMPTY: PlanPath = { choices: new Map(), ms: 0, accuracy: 0, costMs: {} };

/** What a variant takes time of: all sessions of its pool, and of those the ones that serve it. */
function resourcesOf({ variant: { model, precision }, pool = '' }: VariantState): readonly [string, string] {
  return [`pool ${pool}`, `${model}.${precision}@${pool}`];
}

function extended(path: PlanPath, step: PlanStep, state: VariantState, { cluster, task }: DecisionContext): PlanPath {
  const forecast = cluster.forecast(state, task.tier);
  const costMs = { ...path.costMs };
  for (const name of resourcesOf(state)) costMs[name] = (costMs[name] ?? 0) + (forecast?.costMs ?? 0);
  return {
    choices: new Map([...path.choices, [step.id, state]]),
    ms: path.ms + (forecast === undefined ? 0 : expectedMsOf(forecast)),
    // The answer is as good as the last model that had its say.
    accuracy: state.variant.accuracy.value,
    costMs,
  };
}

/** Whether a path may go on without a step: another has answered, and nobody insists. */
function maySkip({ after, required }: PlanStep, { choices }: PlanPath): boolean {
  return !required && after.some((id) => choices.has(id));
}

/** As the heartbeats count sessions; where they do not, one each. */
function capacityOf(paths: readonly PlanPath[], { cluster }: DecisionContext): Record<string, number> {
  const capacityMs: Record<string, number> = {};
  for (const state of new Set(paths.flatMap(({ choices }) => [...choices.values()]))) {
    const [pool, place] = resourcesOf(state);
    capacityMs[pool] = SECOND_MS * Math.max(1, cluster.sessionsOf?.(state.pool) ?? 1);
    capacityMs[place] = SECOND_MS * Math.max(1, state.sessions ?? 1);
  }
  return capacityMs;
}

/** Every way through a task's plan by what is served now; or, in words, why there is nothing to share requests out over. */
export function planPaths(context: DecisionContext): PlanPaths | string {
  let paths: PlanPath[] = [EMPTY];
  for (const step of context.task.plan.steps) {
    const served = context.cluster.variantsOf(step.model).filter(({ workers }) => workers > 0);
    paths = paths.flatMap((path) => [...served.map((state) => extended(path, step, state, context)), ...(maySkip(step, path) ? [path] : [])]);
    if (paths.length === 0) return `nobody serves ${step.model} now`;
    if (paths.length > MOST_PATHS) return `more than ${MOST_PATHS} ways through the plan, too many to solve for`;
  }
  const isKnown = paths.every(({ costMs = {} }) => Object.values(costMs).some((ms) => ms > 0));
  return isKnown ? { paths, capacityMs: capacityOf(paths, context) } : 'nothing is known of the times yet';
}
