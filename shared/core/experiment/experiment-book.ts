import type { ExperimentArm, ExperimentControl, PlanStep, Task, TaskArm } from '@tandem/schemas';
import { armOf, controlArm, effectiveArm, shadowsOf } from './arms.ts';

/** What an experiment says about one step of one request. */
export interface Ruling {
  experiment: string;
  /** The arm that the request's user was put into. */
  assigned: string;
  /** Whose variant is to run the step; undefined: the experiment is over. */
  arm: ExperimentArm | undefined;
  isControl: boolean;
  /** Arms that were rolled back: their variants run only where nothing else does. */
  avoid: readonly ExperimentArm[];
  /** The model that the experiment is about, for arms that name none. */
  model: string;
  /** Promoted: its version is everybody's, so whoever still serves another is as good. */
  anyVersion: boolean;
}

/** A copy that is to be made of a step's work. */
export interface ShadowRuling {
  experiment: string;
  arm: ExperimentArm;
  model: string;
}

/** An experiment whose last record on topic `control` is an old one, of somebody who wrote late. */
export interface OverwrittenExperiment {
  /** Of the record. */
  key: string;
  /** What counts; undefined: it is removed. */
  control: ExperimentControl | undefined;
}

/** The experiments as operators want them now. One per process: the classifier puts users into arms by it, the scheduler follows them. */
export class ExperimentBook {
  #controls: readonly ExperimentControl[] = [];
  #overwritten: readonly OverwrittenExperiment[] = [];

  /** In the order of their names, so that every process sees the same. */
  update(controls: readonly ExperimentControl[], overwritten: readonly OverwrittenExperiment[] = []): void {
    this.#overwritten = overwritten;
    this.#controls = controls.toSorted((a, b) => (a.definition.name < b.definition.name ? -1 : 1));
  }

  get all(): readonly ExperimentControl[] {
    return this.#controls;
  }

  /** Those have to be written again. */
  get overwritten(): readonly OverwrittenExperiment[] {
    return this.#overwritten;
  }

  named(name: string): ExperimentControl | undefined {
    return this.#controls.find(({ definition }) => definition.name === name);
  }

  /** The arms of a new task, by its user or what stands for one. Undefined: no experiment is about it. Bulk work is in none: its latency means nothing. */
  armsOf({ workload, lane, plan, key }: Pick<Task, 'workload' | 'lane' | 'plan' | 'key'>): TaskArm[] | undefined {
    if (this.#controls.length === 0 || lane === 'bulk') return undefined;
    const arms: TaskArm[] = [];
    for (const control of this.#controls) {
      const { name, workload: about, model } = control.definition;
      if (about !== workload || !plan.steps.some((step) => step.model === model)) continue;
      const arm = armOf(control, key);
      if (arm !== undefined) arms.push({ experiment: name, arm: arm.name });
    }
    return arms.length === 0 ? undefined : arms;
  }

  /** Undefined: no experiment has a say in the step. */
  ruling({ experiments = [] }: Pick<Task, 'experiments'>, { model }: Pick<PlanStep, 'model'>): Ruling | undefined {
    for (const { experiment, arm: assigned } of experiments) {
      const control = this.named(experiment);
      if (control === undefined || control.definition.model !== model) continue;
      const { definition, out, state } = control;
      const arm = effectiveArm(control, assigned);
      const avoid = state === 'stopped' ? [] : definition.arms.filter(({ name }) => out[name] !== undefined && name !== controlArm(definition).name);
      return { experiment, assigned, arm, isControl: arm === controlArm(definition), avoid, model, anyVersion: state === 'promoted' };
    }
    return undefined;
  }

  /** Copies to be made once the step is done. */
  shadows({ workload, lane, key }: Pick<Task, 'workload' | 'lane' | 'key'>, { model }: Pick<PlanStep, 'model'>): ShadowRuling[] {
    if (this.#controls.length === 0 || lane === 'bulk') return [];
    return this.#controls.filter(({ definition }) => definition.workload === workload && definition.model === model)
      .flatMap((control) => shadowsOf(control, key).map((arm) => ({ experiment: control.definition.name, arm, model })));
  }
}
