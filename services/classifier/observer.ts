import type { ErrorCode, Mark, TaskKind } from '@tandem/schemas';

/** What happens in a classifier, for metrics. Called synchronously; must not throw. */
export interface ClassifierObserver {
  /** A request became a task. */
  classified(task: TaskKind, workload: string, marks: readonly Mark[]): void;
  /** A request was refused, and its sender is answered. */
  rejected(code: ErrorCode): void;
  /** A record was refused, and nobody can be answered: a dead letter. */
  deadLettered(code: ErrorCode): void;
  /** An interaction is in the feature store. */
  interaction(): void;
  /** The cache did not answer; the classifier went on without it. */
  cacheUnavailable(): void;
}

const nothing = () => undefined;

export const silentObserver: ClassifierObserver = {
  classified: nothing,
  rejected: nothing,
  deadLettered: nothing,
  interaction: nothing,
  cacheUnavailable: nothing,
};
