import type { PlanStep, ResourceSample, StepEnds, Task, Variant } from '@tandem/schemas';

/** What the scheduler knows of one variant. */
export interface VariantState {
  variant: Variant;
  /** The pool that these workers belong to; undefined: none. */
  pool?: string;
  /** Workers that have announced it, are alive and have not taken it out after failures. */
  workers: number;
  /** Further workers that have taken it out and let a batch try now. */
  halfOpen: number;
  /** One of these is to be tried: no dispatch has gone there since it last reported. */
  probeDue: boolean;
  /** Further workers that have taken it out and answer nothing. */
  takenOut: number;
  /** Requests waiting at the workers as of their heartbeats. */
  queued: number;
  /** This scheduler's own dispatches whose outcome has not come back (heartbeats alone are ten deadlines old). */
  outstanding: number;
  /** Recent time of one batch, ms; 0 where unknown. */
  meanBatchMs: number;
  /** Some worker has served it at some time, if none does now. */
  everServed: boolean;
}

/** What has been measured of the machines, as of `resources.time`. */
export interface ClusterState {
  /** The busiest view: highest CPU use, least free memory; undefined until something was measured. */
  resources: ResourceSample | undefined;
  /** Registered variants of one model, any precision; `workers` says whether one is served now. */
  variantsOf(model: string): readonly VariantState[];
  /** Long enough up to know that a variant without a heartbeat has no worker. */
  settled: boolean;
}

export interface DecisionContext {
  task: Task;
  step: PlanStep;
  /** What became of earlier steps. */
  previous: Readonly<StepEnds>;
  /** `model.precision` of variants that would not run the step. @default none */
  tried?: readonly string[];
  /** Epoch ms. */
  now: number;
  cluster: ClusterState;
}

/** Every decision carries its reason: it ends in the response's steps[].reason. `wait`: no worker has said yet what it serves; ask again later. */
export type Decision =
  | { kind: 'dispatch'; model: string; precision: string; pool?: string; reason: string }
  | { kind: 'skip'; reason: string }
  | { kind: 'expire'; reason: string }
  | { kind: 'wait'; reason: string }
  | { kind: 'fail'; code: 'no_variant' | 'variant_unavailable' | 'overload' | 'internal'; reason: string };

/** Chooses model × precision × pool for one step. Pure: the same context gives the same decision. */
export interface Policy {
  readonly name: string;
  choose(context: DecisionContext, candidates: readonly VariantState[]): Decision;
}
