import type { StepResult, Work } from '@tandem/schemas';
import type { LoadedVariant } from '@tandem/shared/engine';

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
  infer?: (background: boolean) => Promise<RanBatch>;
  /** The part failed that way and went well without a cache: it is not the input's fault. */
  blame?: (error: unknown) => void;
  /** Gives back what the part holds, if it has not run. */
  abandon?: () => void;
}

/** Where an engine has no threads that give way, all run alike. */
export function sessionsOf(loaded: LoadedVariant, background: boolean): Pick<LoadedVariant, 'prepare'> {
  return (background ? loaded.background : undefined) ?? loaded;
}
