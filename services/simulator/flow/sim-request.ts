import type { PlanStep, StepEnds, Task } from '@tandem/schemas';
import type { Join } from '@tandem/shared/core';
import type { TrafficSpec } from '../spec.ts';

/** A request on its way. */
export interface SimRequest {
  traffic: TrafficSpec;
  /** When its sender wanted it answered, ms. */
  dueAt: number;
  /** Of the affinity key. */
  partition: number;
  task: Task;
  /** Fusion's; undefined until it has heard of the request. */
  join: Join | undefined;
  answered: boolean;
  /** The classifier has made a task of it. */
  isSensed: boolean;
  /** That its sender got. */
  answers: number;
}

/** A step of it, sent to workers. */
export interface SimWork {
  request: SimRequest;
  step: PlanStep;
  previous: StepEnds;
  tried: readonly string[];
  model: string;
  precision: string;
  /** `model.precision` */
  variant: string;
  pool: string | undefined;
  reason: string;
  dispatchedAt: number;
  /** By when a worker has to be through with it, ms; undefined: no matter. */
  dueAt: number | undefined;
  /** Its place among what its worker has to answer. */
  heldAt: number;
  /** How many its worker had taken with it. */
  takenAs: number;
}
