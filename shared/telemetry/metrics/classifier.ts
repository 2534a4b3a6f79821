import type { Registry } from 'prom-client';
import { Counter } from './counter.ts';

/** What the classifier makes of requests and interactions. */
export function classifierMetrics(registers: Registry[]) {
  return {
    tasks: new Counter({ name: 'tandem_tasks_total', help: 'Requests classified', labelNames: ['workload', 'task'], registers }),
    marks: new Counter({ name: 'tandem_task_marks_total', help: 'What the classifier noticed: unknown users, dropped items, stale features', labelNames: ['workload', 'mark'], registers }),
    rejections: new Counter({ name: 'tandem_rejections_total', help: 'Requests answered as rejected', labelNames: ['code'], registers }),
    interactions: new Counter({ name: 'tandem_interactions_total', help: 'Interactions applied to the features', registers }),
    cacheUnavailable: new Counter({ name: 'tandem_cache_unavailable_total', help: 'Times a stage went on without the cache', registers }),
  };
}
