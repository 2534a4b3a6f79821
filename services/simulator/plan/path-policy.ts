import type { Plan, TaskKind, Variant, Workload } from '@tandem/schemas';
import { choosePlan, meetingFloor, type Policy, type VariantState } from '@tandem/shared/core';

/** Which variant runs each step of a plan. */
export interface Path {
  task: TaskKind;
  plan: Plan;
  /** In the order of the plan. */
  variants: readonly Variant[];
  /** Of its last step, as a share of the workload's best. */
  accuracy: number;
}

export const variantName = ({ model, precision }: Pick<Variant, 'model' | 'precision'>) => `${model}.${precision}`;

/** The paths of a workload whose answer is accurate enough: each variant of each step meets the floor among those of its model, as in the scheduler. */
export function pathsOf(workload: Workload, variants: readonly Variant[], floor: number, tasks: readonly TaskKind[]): Path[] {
  const mine = new Set(Object.values(workload.plans).flatMap((plan) => plan?.steps.map(({ model }) => model) ?? []));
  const best = Math.max(...variants.filter(({ model }) => mine.has(model)).map(({ accuracy }) => accuracy.value));
  return tasks.flatMap((task) => {
    const { plan } = choosePlan(workload, task, false);
    const choices = plan.steps.map(({ model }) => variants.filter((variant) => variant.model === model));
    return product(choices)
      .map((chosen): Path => ({ task, plan, variants: chosen, accuracy: (chosen.at(-1)?.accuracy.value ?? 0) / best }))
      .filter(({ accuracy, variants: chosen }) => accuracy >= floor && chosen.every((variant) => meetsFloor(variant, variants, floor)));
  });
}

function meetsFloor(variant: Variant, all: readonly Variant[], floor: number): boolean {
  const states = all.filter(({ model }) => model === variant.model).map((one) => ({ variant: one }) as VariantState);
  return meetingFloor(states, floor).some((state) => state.variant === variant);
}

function product<Item>(choices: readonly (readonly Item[])[]): Item[][] {
  return choices.reduce<Item[][]>((paths, items) => paths.flatMap((path) => items.map((item) => [...path, item])), [[]]);
}

/** Always these variants. */
export function pathPolicy({ variants }: Path): Policy {
  const precisions = new Map(variants.map(({ model, precision }) => [model, precision]));
  return {
    name: 'planned',
    choose: ({ step: { model } }) => ({ kind: 'dispatch', model, precision: precisions.get(model) ?? '', reason: 'as planned' }),
  };
}
