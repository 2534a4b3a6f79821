import type { Cancellation, Task } from './classifier-to-scheduler.ts';
import type { StepArm, TaskArm } from './experiment.ts';
import type { StepEnds } from './outcomes.ts';

/** Topics `work.<model>.<precision>[.<pool>]` and `bulk.…`: one step of a task for one variant. */
export interface Work {
  step: string;
  model: string;
  precision: string;
  pool?: string;
  /** Why the scheduler chose this variant; ends in the response's steps[].reason. */
  reason: string;
  /** Epoch ms. */
  dispatchedAt: number;
  /** Until when its result has to be there, epoch ms: one that is made later comes to nobody. Absent: as `dueAtOf` says. */
  dueAt?: number;
  task: Task;
  /** What became of the steps before this one. */
  previous: StepEnds;
  /** `model.precision` of variants that would not run this step before. Absent: none. */
  tried?: string[];
  /** The experiment that had a say in the choice. Absent: none. */
  experiment?: StepArm;
  /** The variant is on trial: if the step fails here, it is decided again without it (`redispatch`). */
  rescuable?: true;
  /** A copy for an arm that answers nobody: its outcome is of kind `shadow`, whatever comes of it. */
  shadow?: TaskArm;
}

/**
 * Until when a piece of work is worth doing, epoch ms; null: for ever. Work that does not say (an older scheduler's, a copy that answers nobody)
 * is worth doing until its request's deadline.
 */
export function dueAtOf({ dueAt, task }: Pick<Work, 'dueAt' | 'task'>): number | null {
  return dueAt ?? task.deadlineAt;
}

/** Whether it is not worth doing any more. @param now epoch ms */
export function isOverdue(work: Pick<Work, 'dueAt' | 'task'>, now: number): boolean {
  return (dueAtOf(work) ?? Infinity) <= now;
}

/** Topics `work.…` and `bulk.…`: a cancellation follows its task there, under the same key. */
export type WorkRecord = Work | Cancellation;
