import type { Plan } from '@tandem/schemas';
import type { Assumptions } from './assumptions.ts';
import type { TopicLoad } from './types.ts';

const MB = 1e6;

/**
 * What each topic carries, with classifier, scheduler and fusion chained in one process: tasks stay in memory, and so do outcomes
 * of the scheduler. Outcomes bring along the task and earlier results (schemas/outcomes.ts).
 */
export function topicLoads(plan: Plan, rate: number, { requestBytes, taskOverheadBytes, resultBytes }: Assumptions): TopicLoad[] {
  const steps = plan.steps.length;
  const taskBytes = requestBytes + taskOverheadBytes;
  const load = (topic: string, records: number, bytes: number, readers: number): TopicLoad => ({ topic, recordsPerSecond: records, megabytesPerSecond: (records * bytes) / MB, readers });
  const earlierResults = ((steps - 1) / 2) * resultBytes;
  return [
    load('requests', rate, requestBytes, 1),
    load('work (all variants)', rate * steps, taskBytes + earlierResults, 1),
    load('outcomes', rate * steps, taskBytes + earlierResults + resultBytes, 1),
    load('responses', rate, resultBytes, 1),
  ];
}

/** Topics that have the flow's partitions: those above, tasks, requests.bulk, interactions, and the variants' bulk topics. */
export function flowTopics(plan: Plan): number {
  const variants = new Set(plan.steps.map(({ model }) => model)).size;
  return 6 + 2 * variants;
}
