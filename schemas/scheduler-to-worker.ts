import type { Task } from './classifier-to-scheduler.ts';
import type { StepResult } from './outcomes.ts';

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
  /** Results of the steps that this one comes after. */
  previous: Record<string, StepResult>;
}
