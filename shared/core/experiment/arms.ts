import type { Experiment, ExperimentArm, ExperimentControl } from '@tandem/schemas';
import { unitHash } from './unit-hash.ts';

export function armNamed({ arms }: Experiment, name: string): ExperimentArm | undefined {
  return arms.find((arm) => arm.name === name);
}

/** The arm that the others are compared with. */
export function controlArm({ arms, control }: Experiment): ExperimentArm {
  return arms.find(({ name }) => name === control) ?? arms[0]!;
}

/** Those whose answers reach users. */
export function servingArms({ arms }: Experiment): ExperimentArm[] {
  return arms.filter(({ shadow }) => shadow !== true);
}

/** Those that have to be shown to be something. */
export function treatmentArms(definition: Experiment): ExperimentArm[] {
  const control = controlArm(definition);
  return servingArms(definition).filter((arm) => arm !== control);
}

/** The arm that counts now for whoever was put into `arm`. */
export function effectiveArm({ definition, state, winner, out }: ExperimentControl, arm: string): ExperimentArm | undefined {
  if (state === 'stopped') return undefined;
  if (state === 'promoted') return armNamed(definition, winner ?? '') ?? controlArm(definition);
  if (state === 'rolled_back' || out[arm] !== undefined) return controlArm(definition);
  return armNamed(definition, arm);
}

/**
 * The arm of a user, or of what stands for one: always the same while the weights are. Weighted rendezvous hashing (Schindelhauer and
 * Schomaker, SPAA 2005): a change of one arm's weight moves users to or from that arm only. The experiment's name is hashed too, so
 * that the arms of two experiments are independent.
 */
export function armOf(control: ExperimentControl, key: string): ExperimentArm | undefined {
  const { definition, state, weights } = control;
  if (state === 'stopped') return undefined;
  if (state !== 'running') return effectiveArm(control, controlArm(definition).name);
  let [best, bestScore]: [ExperimentArm | undefined, number] = [undefined, -Infinity];
  for (const arm of servingArms(definition)) {
    const weight = weights[arm.name] ?? 0;
    if (weight <= 0) continue;
    const score = -weight / Math.log(unitHash(definition.name, arm.name, key));
    if (score > bestScore) [best, bestScore] = [arm, score];
  }
  return best ?? controlArm(definition);
}

/** The arms that get a copy of this user's work. */
export function shadowsOf({ definition, state, weights, out }: ExperimentControl, key: string): ExperimentArm[] {
  if (state !== 'running') return [];
  return definition.arms.filter(({ name, shadow }) =>
    shadow === true && out[name] === undefined && unitHash(definition.name, name, key) < (weights[name] ?? 0));
}
