import type { ExperimentArm, Instead, StepArm } from '@tandem/schemas';
import { decide, type Decision, type DecisionContext, type Policy, type VariantState } from '../policy/index.ts';
import type { Ruling } from './experiment-book.ts';

/** A decision, and the experiment that had a say in it. */
export interface RuledDecision {
  decision: Decision;
  experiment?: StepArm;
  /** The arm's variant is on trial, and another one could run the step if it fails. */
  rescuable?: true;
}

type Dispatch = Decision & { kind: 'dispatch' };

/** Where a policy would rather have a variant that the arm excludes: the one of most workers. */
const FIRST: Policy = {
  name: 'experiment',
  choose(_context, candidates): Decision {
    const { variant: { model, precision }, pool } = candidates.reduce((most, state) => (state.workers > most.workers ? state : most));
    return { kind: 'dispatch', model, precision, ...(pool === undefined ? {} : { pool }), reason: 'the arm’s variant' };
  },
};

/** Whether the arm leaves anything for a policy to choose freely. */
function choosesFreely({ model, precision, version, pool }: ExperimentArm): boolean {
  return model === undefined && precision === undefined && version === undefined && pool === undefined;
}

/** Whether the arm's variant is this one. @param anyVersion the version does not matter */
export function isOfArm(arm: ExperimentArm, experimentModel: string, { variant, pool, versions }: Pick<VariantState, 'variant' | 'pool' | 'versions'>, anyVersion = false): boolean {
  if (variant.model !== (arm.model ?? experimentModel)) return false;
  if (arm.precision !== undefined && variant.precision !== arm.precision) return false;
  if (arm.pool !== undefined && pool !== arm.pool) return false;
  // Workers of one pool share a topic: the version is certain only where all of them serve it.
  return anyVersion || arm.version === undefined || (versions?.length === 1 && versions[0] === arm.version);
}

/** The same, with some variants out of sight. */
function seeing(context: DecisionContext, isSeen: (state: VariantState) => boolean, model = context.step.model): DecisionContext {
  const { cluster, step } = context;
  const variantsOf = (name: string) => (name === model ? cluster.variantsOf(name).filter(isSeen) : cluster.variantsOf(name));
  return { ...context, step: model === step.model ? step : { ...step, model }, cluster: { ...cluster, variantsOf } };
}

const isServed = ({ workers, halfOpen, probeDue }: VariantState) => workers + halfOpen > 0 || probeDue;
const nameOf = ({ variant: { model, precision } }: VariantState) => `${model}.${precision}`;

/** As without the experiment; what was rolled back runs only where nothing else does. */
function decideFreely(policy: Policy, context: DecisionContext, { avoid, model }: Ruling): Decision {
  const bad = avoid.filter((arm) => !choosesFreely(arm));
  const isGood = (state: VariantState) => !bad.some((arm) => isOfArm(arm, model, state));
  const tried = context.tried ?? [];
  const others = context.cluster.variantsOf(context.step.model).filter((state) => isGood(state) && isServed(state) && !tried.includes(nameOf(state)));
  return decide(policy, others.length === 0 ? context : seeing(context, isGood));
}

/** The accuracy floor is the request's: an experiment does not go below it. */
function isBelowFloor({ task: { accuracyFloor }, cluster, step }: DecisionContext, candidates: readonly VariantState[]): boolean {
  if (accuracyFloor === null || accuracyFloor === 0 || candidates.length === 0) return false;
  const best = (states: readonly VariantState[]) => Math.max(...states.map(({ variant }) => variant.accuracy.value));
  return best(candidates) < accuracyFloor * best([...cluster.variantsOf(step.model), ...candidates]);
}

/** Undefined: it can run; else why it cannot. */
function obstacle(context: DecisionContext, candidates: readonly VariantState[]): Instead | undefined {
  const { tried = [] } = context;
  if (candidates.some((state) => tried.includes(nameOf(state)))) return 'failed';
  if (!candidates.some(isServed)) return candidates.some(({ takenOut }) => takenOut > 0) ? 'failed' : 'unserved';
  return isBelowFloor(context, candidates) ? 'floor' : undefined;
}

function named(ruling: Ruling, instead: Instead | undefined): StepArm {
  return { name: ruling.experiment, arm: ruling.assigned, ...(instead === undefined ? {} : { instead }) };
}

/** The reason says which arm it is, and why that does not count where it does not. */
function tagged(decision: Decision, ruling: Ruling, instead?: Instead): RuledDecision {
  if (decision.kind === 'wait') return { decision };
  const why = instead === undefined ? '' : `, but ${instead}`;
  return { decision: { ...decision, reason: `experiment ${ruling.experiment}, arm ${ruling.assigned}${why}: ${decision.reason}` }, experiment: named(ruling, instead) };
}

/** By the policy among the arm's variants; where it will not have them and time is not the reason, without it. */
function decideInArm(policy: Policy, within: DecisionContext): Decision {
  const decision = decide(policy, within);
  return decision.kind === 'fail' && decision.code === 'no_variant' ? decide(FIRST, within) : decision;
}

/**
 * A step's decision where an experiment may have a say. The arm's variant runs it if that can be in time, is served and meets the request's
 * accuracy floor; else the policy decides as if there were no experiment, since no request is to suffer from one.
 */
export function decideInExperiment(policy: Policy, context: DecisionContext, ruling: Ruling | undefined): RuledDecision {
  if (ruling === undefined) return { decision: decide(policy, context) };
  const { arm, assigned, model: about, anyVersion } = ruling;
  const ended: Instead | undefined = arm?.name === assigned ? undefined : 'ended';
  if (arm === undefined || choosesFreely(arm)) return tagged(decideFreely(policy, context, ruling), ruling, ended);
  const model = arm.model ?? context.step.model;
  const isOurs = (state: VariantState) => isOfArm(arm, about, state, anyVersion);
  const stopped = obstacle(context, context.cluster.variantsOf(model).filter(isOurs));
  if (stopped !== undefined) return tagged(decideFreely(policy, context, ruling), ruling, stopped);
  const decision = decideInArm(policy, seeing(context, isOurs, model));
  if (decision.kind === 'skip' || decision.kind === 'expire') return tagged(decision, ruling, ended);
  if (decision.kind === 'dispatch' && isWithin(decision, arm, model)) return { ...tagged(decision, ruling, ended), ...rescue(context, ruling, isOurs) };
  return tagged(decideFreely(policy, context, ruling), ruling, 'late');
}

/** Who is in control gets what he would get without the experiment, failures too. */
function rescue({ cluster, step }: DecisionContext, { isControl }: Ruling, isOurs: (state: VariantState) => boolean): { rescuable?: true } {
  return !isControl && cluster.variantsOf(step.model).some((state) => isServed(state) && !isOurs(state)) ? { rescuable: true } : {};
}

/** A policy may have another model stand in. */
function isWithin({ model, precision, pool }: Dispatch, arm: ExperimentArm, armModel: string): boolean {
  return model === armModel && (arm.precision ?? precision) === precision && (arm.pool === undefined || arm.pool === pool);
}
