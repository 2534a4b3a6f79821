import type { Decision, DecisionContext, Policy, VariantState } from '../types.ts';
import { planPaths, type PlanPath, type PlanPaths } from './plan-paths.ts';
import { optimalShares } from './shares.ts';
import { pick, placeOf } from './smooth-pick.ts';

export interface OptimalShareOptions {
  /** Of the time that requests have, the mean that answers may take. @default 0.5 */
  latencyShare: number;
  /** Mean accuracy, of the best path's; a request's own floor counts where it is higher. @default 0.95 */
  accuracyShare: number;
  /** Shares are computed anew this often, for each kind of request. @default 500 */
  everyMs: number;
}

const OPTIMAL_SHARE_DEFAULTS: OptimalShareOptions = { latencyShare: 0.5, accuracyShare: 0.95, everyMs: 500 };

interface Mix {
  at: number;
  paths: readonly PlanPath[];
  /** Undefined: no mix is within the bounds. */
  shares: readonly number[] | undefined;
  summary: string;
}

function mixOf(context: DecisionContext, { paths, capacityMs }: PlanPaths, { latencyShare, accuracyShare }: OptimalShareOptions): Mix {
  const { task: { deadlineAt, arrivedAt, accuracyFloor }, now } = context;
  const best = Math.max(...paths.map(({ accuracy }) => accuracy));
  const bounds = { capacityMs, minMeanAccuracy: Math.max(accuracyShare, accuracyFloor ?? 0) * best, ...(deadlineAt === null ? {} : { maxMeanMs: latencyShare * (deadlineAt - arrivedAt) }) };
  // Where both bounds cannot be had, time is worth more: what is late helps nobody.
  const solved = optimalShares(paths, bounds) ?? optimalShares(paths, { ...bounds, minMeanAccuracy: -Infinity });
  const summary = solved === undefined ? 'no mix is in time' : `${solved.meanMs.toFixed(1)} ms, accuracy ${solved.meanAccuracy.toFixed(4)}, ${solved.perSecond.toFixed(0)}/s`;
  return { at: now, paths, shares: solved?.shares, summary };
}

function quickest(paths: readonly PlanPath[]): PlanPath {
  return paths.reduce((best, path) => (path.ms < best.ms ? path : best));
}

function dispatch({ variant: { model, precision }, pool }: VariantState, reason: string): Decision {
  return { kind: 'dispatch', model, precision, ...(pool === undefined ? {} : { pool }), reason: `optimal-share: ${reason}` };
}

function mostAccurate(candidates: readonly VariantState[]): VariantState {
  return candidates.reduce((best, state) => (state.variant.accuracy.value > best.variant.accuracy.value ? state : best));
}

/**
 * Requests are shared out over whole paths through their plan so that throughput is highest while mean latency and mean accuracy keep within
 * bounds (`optimalShares`); each request's path follows from its place in the log, evenly and the same for all of its steps. What it keeps
 * is the last mix of each kind of request, for half a second.
 */
export function optimalSharePolicy(over: Partial<OptimalShareOptions> = {}): Policy {
  const options = { ...OPTIMAL_SHARE_DEFAULTS, ...over };
  const mixes = new Map<string, Mix>();
  const mixFor = (context: DecisionContext): Mix | string => {
    const { task: { workload, plan, tier, deadlineAt, arrivedAt, accuracyFloor }, now } = context;
    const kind = [workload, plan.id, plan.steps.length, tier, deadlineAt === null ? '' : deadlineAt - arrivedAt, accuracyFloor ?? ''].join(' ');
    const known = mixes.get(kind);
    if (known !== undefined && now - known.at < options.everyMs) return known;
    const paths = planPaths(context);
    if (typeof paths === 'string') return paths;
    // Kinds are the senders' to choose: what is not asked for any more makes room.
    for (const [old, { at }] of mixes) if (now - at >= options.everyMs) mixes.delete(old);
    const mix = mixOf(context, paths, options);
    mixes.set(kind, mix);
    return mix;
  };
  return {
    name: 'optimal-share',
    choose(context, candidates) {
      const mix = mixFor(context);
      if (typeof mix === 'string') return dispatch(mostAccurate(candidates), mix);
      const path = mix.shares === undefined ? quickest(mix.paths) : mix.paths[pick(mix.shares, placeOf(context.task.source))]!;
      const share = mix.shares?.[mix.paths.indexOf(path)] ?? 1;
      const wanted = path.choices.get(context.step.id);
      if (wanted === undefined) return { kind: 'skip', reason: `optimal-share: ${Math.round(100 * share)} % go without (${mix.summary})` };
      const chosen = candidates.find(({ variant, pool }) => variant.precision === wanted.variant.precision && pool === wanted.pool);
      return dispatch(chosen ?? mostAccurate(candidates), `${Math.round(100 * share)} % go this way (${mix.summary})`);
    },
  };
}
