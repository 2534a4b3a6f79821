import type { Response, Status } from '@tandem/schemas';

/** Which responses; everything that is given has to be true of them. */
export interface ResponseFilter {
  workload?: string | undefined;
  user?: string | undefined;
  statuses?: readonly Status[] | undefined;
  /** A model, or `model.precision`, that one of its steps ran on. */
  model?: string | undefined;
  /** Less than the plan: everything that is not complete, or complete with a reason. */
  degraded?: boolean;
  minLatencyMs?: number | undefined;
}

export function matches({ workload, userId, status, reason, steps, latencyMs }: Response, filter: ResponseFilter): boolean {
  const { model } = filter;
  return (filter.workload === undefined || workload === filter.workload)
    && (filter.user === undefined || userId === filter.user)
    && (filter.statuses === undefined || filter.statuses.includes(status))
    && (model === undefined || steps.some((step) => step.model === model || `${step.model}.${step.precision}` === model))
    && (filter.degraded !== true || status !== 'complete' || reason !== undefined)
    && latencyMs >= (filter.minLatencyMs ?? -Infinity);
}
