import type { PlanStep, StepEnds, Task } from '@tandem/schemas';
import { describeForecast } from './expectation.ts';
import { timeLeftMs } from './time-left.ts';
import type { ClusterState, Decision, DecisionContext, Forecast, Policy, VariantState } from './types.ts';

/** A worker that died has been replaced by then: a session timeout, and a start. */
const WORKER_RETURNS_MS = 20_000;

function confidenceBefore({ step, previous }: DecisionContext): number | undefined {
  for (const id of step.after) {
    const end = previous[id];
    if (end?.kind === 'completed' && end.result.confidence !== undefined) return end.result.confidence;
  }
  return undefined;
}

/** Confidence from which a step is not worth running; undefined: it always is. A request without a floor has not asked for less. */
function confidenceWanted({ skipWhenConfident, skipAtFloor = [] }: PlanStep, floor: number | null): number | undefined {
  if (skipWhenConfident !== undefined || floor === null || floor === 0) return skipWhenConfident;
  const keeping = skipAtFloor.filter((entry) => entry.floor >= floor).map(({ confidence }) => confidence);
  return keeping.length === 0 ? undefined : Math.min(...keeping);
}

function confidentEnough(context: DecisionContext): Decision | undefined {
  const wanted = confidenceWanted(context.step, context.task.accuracyFloor);
  const confidence = confidenceBefore(context);
  if (wanted === undefined || confidence === undefined || !(confidence >= wanted)) return undefined;
  return { kind: 'skip', reason: `confidence ${confidence.toFixed(3)} ≥ ${wanted}` };
}

/**
 * The accuracy floor is a share of the best variant's validated accuracy, never an absolute.
 * Where nothing meets it, the most accurate remain.
 */
export function meetingFloor(variants: readonly VariantState[], floor: number | null): readonly VariantState[] {
  const accuracy = ({ variant }: VariantState) => variant.accuracy.value;
  if (floor === null || floor === 0) return variants;
  const best = Math.max(...variants.map(accuracy));
  const meeting = variants.filter((state) => accuracy(state) >= floor * best);
  return meeting.length > 0 ? meeting : variants.filter((state) => accuracy(state) === best);
}

/** What a rule wants, by the input's complexity or the time of day, where it is served; a rule that cannot be followed refuses nobody. */
function asRuled(variants: readonly VariantState[], precision: string | undefined): readonly VariantState[] {
  if (precision === undefined) return variants;
  const wanted = variants.filter(({ variant, workers }) => variant.precision === precision && workers > 0);
  return wanted.length > 0 ? wanted : variants;
}

function nameOf({ variant: { model, precision } }: VariantState): string {
  return `${model}.${precision}`;
}

function isServed({ workers, probeDue }: VariantState): boolean {
  return workers > 0 || probeDue;
}

/**
 * Variants that are served now. One that is being tried again after failures counts, for the one request that tries
 * it; further ones go there only where nothing else serves. Where nothing serves at all, work waits for a worker to
 * come, unless its deadline would likely pass meanwhile, or the workers that there are have taken their variants out:
 * then the answer is degraded at once. Where none has ever served the model, nobody knows which of its variants one
 * will: undefined.
 */
export function servable({ task, cluster, now }: Pick<DecisionContext, 'task' | 'cluster' | 'now'>, variants: readonly VariantState[]): readonly VariantState[] | undefined {
  if (variants.length > 0 && variants.every(isServed)) return variants;
  const served = variants.filter(isServed);
  if (served.length > 0) return served;
  const tryingAgain = variants.filter(({ halfOpen }) => halfOpen > 0);
  if (tryingAgain.length > 0) return tryingAgain;
  if (variants.some(({ takenOut }) => takenOut > 0)) return [];
  if (cluster.settled && task.deadlineAt !== null && task.deadlineAt - now < WORKER_RETURNS_MS) return [];
  const known = variants.filter(({ everServed }) => everServed);
  return known.length > 0 || variants.length === 0 ? known : undefined;
}

function nothingServes({ step, tried = [] }: DecisionContext, variants: readonly VariantState[]): Decision {
  if (tried.length === 0 && !variants.some(({ takenOut }) => takenOut > 0)) return { kind: 'fail', code: 'no_variant', reason: `no worker serves ${step.model}` };
  return { kind: 'fail', code: 'variant_unavailable', reason: `every variant of ${step.model} that is served has failed repeatedly and is taken out for a while` };
}

/** A request that was shed is not worth its other steps. */
function shedBefore({ previous }: DecisionContext): Decision | undefined {
  let shed: string | undefined;
  for (const id of Object.keys(previous)) {
    const end = previous[id]!;
    if (end.kind === 'completed') return undefined;
    if (end.kind === 'failed' && end.code === 'overload') shed ??= id;
  }
  return shed === undefined ? undefined : { kind: 'fail', code: 'overload', reason: `shed with step ${shed}` };
}

function forecastAt({ model, precision, pool }: Decision & { kind: 'dispatch' }, variants: readonly VariantState[], cluster: ClusterState, { tier, key }: Task): Forecast | undefined {
  for (const state of variants) {
    if (state.variant.model === model && state.variant.precision === precision && state.pool === pool) return cluster.forecast(state, tier, key);
  }
  return undefined;
}

/** What is expected of every dispatch, whoever chose it, so that it can be held against what came true. */
function withForecast(decision: Decision, variants: readonly VariantState[], { cluster, task, explain = true }: DecisionContext): Decision {
  if (decision.kind !== 'dispatch' || task.lane === 'bulk') return decision;
  const { model, precision, pool } = decision;
  const forecast = decision.forecast ?? forecastAt(decision, variants, cluster, task);
  if (forecast === undefined) return decision;
  const reason = explain ? `${decision.reason}; ${describeForecast(forecast)}` : decision.reason;
  // Spreading something or nothing costs more than the rest of it, for each step.
  return pool === undefined ? { kind: 'dispatch', model, precision, reason, forecast } : { kind: 'dispatch', model, precision, pool, reason, forecast };
}

/** Everything about a step that no policy changes; the rest is the policy's. */
export function decide(policy: Policy, context: DecisionContext): Decision {
  const { task, step, cluster, tried = [] } = context;
  const shed = shedBefore(context);
  if (shed !== undefined) return shed;
  if (timeLeftMs(context) <= 0) return { kind: 'expire', reason: 'deadline passed' };
  const confident = confidentEnough(context);
  if (confident !== undefined) return confident;
  const known = cluster.variantsOf(step.model);
  const untried = tried.length === 0 ? known : known.filter((state) => !tried.includes(nameOf(state)));
  const variants = servable(context, untried);
  if (variants === undefined) return tried.length > 0 ? nothingServes(context, untried) : { kind: 'wait', reason: `no worker has announced a variant of ${step.model} yet` };
  // Waiting is for work that nobody has refused yet.
  if (variants.length === 0 || (tried.length > 0 && variants.every(({ workers, halfOpen }) => workers + halfOpen === 0))) return nothingServes(context, untried);
  return withForecast(policy.choose(context, asRuled(meetingFloor(variants, task.accuracyFloor), task.precision)), variants, context);
}

/** Steps that can run once those with an end are through: all of what they come after is among them. */
export function readySteps(steps: readonly PlanStep[], ends: Readonly<StepEnds>, justDone: string | undefined): PlanStep[] {
  const ready: PlanStep[] = [];
  for (const step of steps) {
    if (justDone === undefined ? step.after.length === 0 : step.after.includes(justDone) && haveEnded(step.after, ends)) ready.push(step);
  }
  return ready;
}

/** The first that can run where one runs after the other; none: all have ended, or what they come after has not. */
export function nextStep(steps: readonly PlanStep[], ends: Readonly<StepEnds>): PlanStep[] {
  const next = steps.find(({ id, after }) => !Object.hasOwn(ends, id) && haveEnded(after, ends));
  return next === undefined ? [] : [next];
}

function haveEnded(steps: readonly string[], ends: Readonly<StepEnds>): boolean {
  for (const id of steps) if (!Object.hasOwn(ends, id)) return false;
  return true;
}
