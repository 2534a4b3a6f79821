import type { StepResult, Work } from '@tandem/schemas';

/** Work and the graph that answers it without a cache. */
export interface GraphWork {
  work: Work;
  graph: string;
}

export interface RanBatch {
  results: readonly StepResult[];
  computeMs: number;
  /** What kind of run it was, where there are several: their times are not to be mixed. */
  kind?: string;
}

/** Requests that run together in one way. */
export interface BatchPart<T extends GraphWork> {
  pending: readonly T[];
  /** Undefined: with the whole history, as if there were no cache. */
  infer?: () => Promise<RanBatch>;
  /** The part failed that way and went well without a cache: it is not the input's fault. */
  blame?: (error: unknown) => void;
  /** Gives back what the part holds, if it has not run. */
  abandon?: () => void;
}
