import type { ExperimentControl } from '@tandem/schemas';
import { allRolledBack, controlArm, promoted, reweighted, rolledBack, stopped, weightsProblem, type Change } from '../core/index.ts';
import { TandemError } from '../errors/index.ts';
import type { ExperimentDeed } from './experiment-records.ts';

/** What an operator can want of an experiment. */
export type ExperimentWish =
  | { deed: 'weights'; weights: Record<string, number> }
  | { deed: 'promote'; arm?: string | undefined }
  | { deed: 'rollback'; arm?: string | undefined }
  | { deed: 'stop' };

const refused = (message: string) => new TandemError(message, { code: 'experiment_refused' });

/** @throws {TandemError} `experiment_not_found` */
export function experimentNamed(name: string, experiments: readonly ExperimentControl[]): ExperimentControl {
  const found = experiments.find(({ definition }) => definition.name === name);
  if (found !== undefined) return found;
  const known = experiments.map(({ definition }) => definition.name).join(', ');
  throw new TandemError(`there is no experiment ${name}; ${known === '' ? 'there is none' : `there are ${known}`}`, { code: 'experiment_not_found' });
}

function treatmentOf({ definition }: ExperimentControl, arm: string | undefined, isWanted: (name: string) => boolean): string {
  const control = controlArm(definition).name;
  const names = definition.arms.filter(({ name }) => name !== control && isWanted(name)).map(({ name }) => name);
  if (arm === undefined && names.length === 1) return names[0]!;
  if (arm !== undefined && (names.includes(arm) || arm === control)) return arm;
  throw refused(`${arm === undefined ? 'name the arm' : `there is no such arm as ${arm}`}: one of ${[...names, control].join(', ')}`);
}

/**
 * The experiment as it is to be then.
 * @throws {TandemError} `experiment_refused`
 */
export function wished(control: ExperimentControl, wish: ExperimentWish, change: Omit<Change, 'why'>): { next: ExperimentControl; deed: ExperimentDeed } {
  const because = (why: string): Change => ({ ...change, why });
  const { definition, state } = control;
  switch (wish.deed) {
    case 'weights': {
      const problem = weightsProblem(definition, wish.weights);
      if (problem !== undefined) throw refused(problem);
      if (state !== 'running') throw refused(`${definition.name} is ${state.replace('_', ' ')}: start it again to change its weights`);
      const revived = Object.keys(wish.weights).find((name) => control.out[name] !== undefined && (wish.weights[name] ?? 0) > 0);
      if (revived !== undefined) throw refused(`${revived} was rolled back (${control.out[revived] ?? ''}): start the experiment again to try it again`);
      return { deed: 'weights', next: reweighted(control, wish.weights, because(Object.entries(wish.weights).map(([name, weight]) => `${name} ${weight}`).join(', '))) };
    }
    case 'promote': {
      const serves = (name: string) => definition.arms.find((arm) => arm.name === name)?.shadow !== true;
      const arm = treatmentOf(control, wish.arm, serves);
      if (state === 'stopped') throw refused(`${definition.name} is stopped: start it again first`);
      return { deed: 'promote', next: promoted(control, arm, because(`${arm} for everybody`)) };
    }
    case 'rollback': {
      if (state === 'stopped') throw refused(`${definition.name} is stopped: nothing is to be rolled back`);
      if (wish.arm === undefined) return { deed: 'rollback', next: allRolledBack(control, because('all back to control')) };
      const arm = treatmentOf(control, wish.arm, () => true);
      if (arm === controlArm(definition).name) throw refused(`${arm} is control: all others go back to it`);
      return { deed: 'rollback', next: rolledBack(control, arm, because(`${arm} back to control`)) };
    }
    case 'stop':
      return { deed: 'stop', next: stopped(control, because('stopped')) };
  }
}
