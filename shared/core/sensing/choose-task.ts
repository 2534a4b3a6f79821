import type { TaskKind, Workload } from '@tandem/schemas';

export interface TaskEvidence {
  hint: TaskKind | undefined;
  /** What the workload's rules say. */
  ruled?: TaskKind | undefined;
  /** The sender's own candidates stand for the coarse step, so what is left to ask for is the fine one. */
  hasCandidates: boolean;
  /** 0..1 */
  activity: number;
}

/** Coarse, fine or full: the sender's hint, else what its candidates imply, else the workload's rules, else its default, else by activity. */
export function chooseTask(workload: Pick<Workload, 'defaultTask' | 'activeAbove'>, { hint, ruled, hasCandidates, activity }: TaskEvidence): TaskKind {
  if (hint !== undefined) return hint;
  if (hasCandidates) return 'fine';
  return ruled ?? workload.defaultTask ?? (activity > workload.activeAbove ? 'full' : 'coarse');
}
