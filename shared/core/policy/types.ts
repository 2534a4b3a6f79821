import type { BatchTimePoint, PlanStep, ResourceSample, StepEnds, StepOutcome, Task, Variant } from '@tandem/schemas';

/** What the scheduler knows of one variant. */
export interface VariantState {
  variant: Variant;
  /** The pool that these workers belong to; undefined: none. */
  pool?: string;
  /** Workers that have announced it, are alive and have not taken it out after failures. */
  workers: number;
  /** Of these workers: what runs at once of it at the most. Absent: not known. */
  sessions?: number;
  /** Further workers that have taken it out and let a batch try now. */
  halfOpen: number;
  /** One of these is to be tried: no dispatch has gone there since it last reported. */
  probeDue: boolean;
  /** Further workers that have taken it out and answer nothing. */
  takenOut: number;
  /** Requests waiting at the workers as of their heartbeats. */
  queued: number;
  /** This scheduler's own interactive dispatches whose outcome has not come back (heartbeats alone are ten deadlines old). */
  outstanding: number;
  /** Recent time of one batch, ms; 0 where unknown. */
  meanBatchMs: number;
  /** What a batch takes by its size, ascending, as its workers measure it. Absent: nothing is known. */
  batchTimes?: readonly BatchTimePoint[];
  /** Versions of it that these workers serve. Absent: not known. */
  versions?: readonly string[];
  /** Some worker has served it at some time, if none does now. */
  everServed: boolean;
}

/** What one more step is expected to take at a variant's workers, ms. */
export interface Forecast {
  /** Before any correction: what the work that is there needs. */
  backlogMs: number;
  /** From dispatch until its batch begins. */
  queueMs: number;
  /** The longest that any tier has had to expect there recently: how loaded the workers are. */
  peakQueueMs: number;
  /** Its batch. */
  computeMs: number;
  /** From the batch's end until its outcome is heard of. */
  returnMs: number;
  /** From dispatch until its outcome is heard of, at the least. */
  soonestMs: number;
  /** How far such expectations are usually off. */
  deviationMs: number;
  /** Session time that it costs, its share of its batch. */
  costMs: number;
  /** Energy that it costs, its share of what the machines are measured to take. Absent: not all of them are measured. */
  joules?: number;
  /** Of `queueMs`: until the variant is loaded again, the mean over its workers. Absent: it is loaded. */
  reloadMs?: number;
}

/** What has been measured of the machines, as of `resources.time`. */
export interface ClusterState {
  /** The busiest view: highest CPU use, least free memory; undefined until something was measured. */
  resources: ResourceSample | undefined;
  /** Registered variants of one model, any precision; `workers` says whether one is served now. */
  variantsOf(model: string): readonly VariantState[];
  /**
   * What one more interactive step of a tier would take there; undefined: nothing is known of its times.
   * @param key the affinity key: where the user's prefix lives at another precision, this one has to build it anew. Absent: of anyone
   */
  forecast(state: VariantState, tier: string, key?: string): Forecast | undefined;
  /** Sessions of all workers of a pool (undefined: of those without one) that serve something. Absent: not known. */
  sessionsOf?(pool: string | undefined): number;
  /** The precision that a model's last interactive step of a tier was given to. Absent: not kept. */
  lastPrecision?(model: string, tier: string): string | undefined;
  /** So long before a request's deadline fusion answers it with what there is, ms. @default 0 */
  answerMarginMs?: number;
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
  /** False: nobody reads the reasons, so their figures need not be put into words. Decisions are the same. @default true */
  explain?: boolean;
}

/**
 * Every decision carries its reason: it ends in the response's steps[].reason. `wait`: no worker has said yet what it serves; ask
 * again later. `fail` with `overload`: shed; where no other step gives an answer, the request is answered as rejected.
 */
export type Decision =
  | { kind: 'dispatch'; model: string; precision: string; pool?: string; reason: string; forecast?: Forecast }
  | { kind: 'skip'; reason: string }
  | { kind: 'expire'; reason: string }
  | { kind: 'wait'; reason: string }
  | { kind: 'fail'; code: 'no_variant' | 'variant_unavailable' | 'overload' | 'internal'; reason: string };

/** Chooses model × precision × pool for one step. Pure: the same context gives the same decision. */
export interface Policy {
  readonly name: string;
  choose(context: DecisionContext, candidates: readonly VariantState[]): Decision;
  /** What became of a step, for policies that learn. @param now epoch ms */
  returned?(outcome: StepOutcome, now: number): void;
  /** Whether a request's answer was right, as its user's next act shows, for policies that learn. @param now epoch ms */
  judged?(requestId: string, isRight: boolean, now: number): void;
}
