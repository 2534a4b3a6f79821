import type { Experiment, ExperimentControl, Variant } from '@tandem/schemas';
import { armNamed, controlArm, servingArms } from './arms.ts';
import type { ExperimentAction } from './verdict.ts';

/** Who wants a change, when and why. */
export interface Change {
  by: string;
  /** Epoch ms. */
  time: number;
  why: string;
}

type Changed = Partial<Pick<ExperimentControl, 'state' | 'weights' | 'out' | 'winner'>>;

function changed(control: ExperimentControl, change: Change, over: Changed): ExperimentControl {
  return { ...control, ...over, ...change, why: change.why.slice(0, 1_000), revision: control.revision + 1 };
}

/**
 * Starts of a name follow one another in time, also where clocks differ: by that a late record of an earlier one is known.
 * @param releases by arm that names a version, the registry's entry of it
 */
export function started(definition: Experiment, releases: Readonly<Record<string, Variant>>, change: Change, before?: ExperimentControl): ExperimentControl {
  return {
    kind: 'experiment', definition, state: 'running', out: {}, ...change, startedAt: Math.max(change.time, (before?.startedAt ?? -1) + 1), revision: (before?.revision ?? 0) + 1,
    weights: Object.fromEntries(definition.arms.map(({ name, weight }) => [name, weight])),
    ...(Object.keys(releases).length === 0 ? {} : { releases: { ...releases } }),
  };
}

/** Those that are not named keep theirs. */
export function reweighted(control: ExperimentControl, weights: Readonly<Record<string, number>>, change: Change): ExperimentControl {
  return changed(control, change, { weights: { ...control.weights, ...weights } });
}

/** Its users are in control from now on, and its variant is avoided; with the last of those that serve, the experiment is over. */
export function rolledBack(control: ExperimentControl, arm: string, change: Change): ExperimentControl {
  const out = { ...control.out, [arm]: change.why.slice(0, 1_000) };
  const { definition } = control;
  const isLeft = definition.arms.some(({ name }) => name !== controlArm(definition).name && out[name] === undefined);
  return changed(control, change, { out, weights: { ...control.weights, [arm]: 0 }, state: isLeft ? 'running' : 'rolled_back' });
}

/** All users are in control from now on. */
export function allRolledBack(control: ExperimentControl, change: Change): ExperimentControl {
  const others = control.definition.arms.filter(({ name }) => name !== controlArm(control.definition).name);
  const out = Object.fromEntries(others.map(({ name }) => [name, control.out[name] ?? change.why.slice(0, 1_000)]));
  return changed(control, change, { state: 'rolled_back', out });
}

/** All users are in that arm from now on. */
export function promoted(control: ExperimentControl, arm: string, change: Change): ExperimentControl {
  const { [arm]: _, ...out } = control.out;
  return changed(control, change, { state: 'promoted', winner: arm, out });
}

/** As if there were none: the policy decides. */
export function stopped(control: ExperimentControl, change: Change): ExperimentControl {
  return changed(control, change, { state: 'stopped' });
}

/** All users are in control, and nothing is avoided: nothing was shown. */
function ended(control: ExperimentControl, change: Change): ExperimentControl {
  return changed(control, change, { state: 'rolled_back' });
}

export function applied(control: ExperimentControl, action: ExperimentAction, change: Omit<Change, 'why'>): ExperimentControl {
  const why = { ...change, why: action.why };
  switch (action.kind) {
    case 'roll_back': return rolledBack(control, action.arm, why);
    case 'promote': return promoted(control, action.arm, why);
    case 'end': return ended(control, why);
  }
}

/** What is wrong with new weights; undefined: nothing. */
export function weightsProblem(definition: Experiment, weights: Readonly<Record<string, number>>): string | undefined {
  const names = definition.arms.map(({ name }) => name).join(', ');
  for (const [name, weight] of Object.entries(weights)) {
    const arm = armNamed(definition, name);
    if (arm === undefined) return `there is no arm ${name}; there are ${names}`;
    if (!Number.isFinite(weight) || weight < 0) return `the weight of ${name} has to be 0 or more`;
    if (arm.shadow === true && weight > 1) return `${name} shadows: its weight is the share of users who are mirrored, 0 to 1`;
  }
  const merged = (name: string, weight: number) => weights[name] ?? weight;
  if (servingArms(definition).every(({ name, weight }) => merged(name, weight) <= 0)) return `some arm that serves needs a weight above 0`;
  return undefined;
}
