import { Gauge, type Registry } from 'prom-client';
import { Counter } from './counter.ts';

/** Results that answer identical steps. */
export function resultCacheMetrics(registers: Registry[]) {
  return {
    resultCache: new Counter({ name: 'tandem_result_cache_total', help: 'Steps of workloads whose results are kept: hit (in this process), shared_hit, joined (an identical step was being computed), miss', labelNames: ['model', 'precision', 'result'], registers }),
    resultCacheSavedMs: new Counter({ name: 'tandem_result_cache_saved_compute_ms_total', help: 'Compute that was not spent, since a step was answered with an identical one’s result, ms', labelNames: ['model', 'precision'], registers }),
    aheadTasks: new Counter({ name: 'tandem_ahead_tasks_total', help: 'Likely requests that were put on their way in idle time', labelNames: ['workload'], registers }),
    aheadResults: new Counter({ name: 'tandem_ahead_results_total', help: 'Steps of likely requests: computed, or known already; used: a request was answered with one', labelNames: ['model', 'precision', 'result'], registers }),
    resultCacheBytes: new Gauge({ name: 'tandem_result_cache_bytes', help: 'Estimated memory of the results kept in this process', registers }),
  };
}
