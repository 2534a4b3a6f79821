import type { Cancellation, Task } from './classifier-to-scheduler.ts';
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
  task: Task;
  /** What became of the steps before this one. */
  previous: StepEnds;
  /** `model.precision` of variants that would not run this step before. Absent: none. */
  tried?: string[];
}

/** Topics `work.…` and `bulk.…`: a cancellation follows its task there, under the same key. */
export type WorkRecord = Work | Cancellation;
