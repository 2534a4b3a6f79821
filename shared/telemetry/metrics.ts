import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** 0.5 ms … 10 s: the range that a deadline can be set in. */
const SECONDS_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** Every metric of the flow, one table (docs/metrics.md lists them). No user or request id is ever a label. */
export function createMetrics({ processMetrics = true }: { processMetrics?: boolean } = {}) {
  const registry = new Registry();
  if (processMetrics) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    records: new Counter({ name: 'tandem_records_total', help: 'Records handled by a stage', labelNames: ['stage', 'topic', 'result'], registers }),
    handleSeconds: new Histogram({ name: 'tandem_handle_seconds', help: 'From delivery of a record until it is acknowledged', labelNames: ['stage'], buckets: SECONDS_BUCKETS, registers }),
    inFlight: new Gauge({ name: 'tandem_in_flight_records', help: 'Delivered, not acknowledged', labelNames: ['stage'], registers }),
    lag: new Gauge({ name: 'tandem_lag_records', help: 'Records of the assigned partitions not yet delivered', labelNames: ['stage', 'group'], registers }),
    deadLetters: new Counter({ name: 'tandem_dead_letters_total', help: 'Records put on the dead letters', labelNames: ['stage', 'code'], registers }),
    faults: new Counter({ name: 'tandem_consumer_faults_total', help: 'Consumers that failed and were restarted', labelNames: ['stage'], registers }),
    tasks: new Counter({ name: 'tandem_tasks_total', help: 'Requests classified', labelNames: ['workload', 'task'], registers }),
    marks: new Counter({ name: 'tandem_task_marks_total', help: 'What the classifier noticed: unknown users, dropped items, stale features', labelNames: ['workload', 'mark'], registers }),
    rejections: new Counter({ name: 'tandem_rejections_total', help: 'Requests answered as rejected', labelNames: ['code'], registers }),
    interactions: new Counter({ name: 'tandem_interactions_total', help: 'Interactions applied to the features', registers }),
    cacheUnavailable: new Counter({ name: 'tandem_cache_unavailable_total', help: 'Times a stage went on without the cache', registers }),
    decisions: new Counter({ name: 'tandem_decisions_total', help: 'Steps decided by the scheduler', labelNames: ['kind', 'model', 'precision'], registers }),
    batchSize: new Histogram({ name: 'tandem_batch_size', help: 'Requests per batch', labelNames: ['model', 'precision'], buckets: BATCH_BUCKETS, registers }),
    batchSeconds: new Histogram({ name: 'tandem_batch_seconds', help: 'Inference of one batch', labelNames: ['model', 'precision'], buckets: SECONDS_BUCKETS, registers }),
    queueSeconds: new Histogram({ name: 'tandem_queue_seconds', help: 'From dispatch until the batch began, per batch (its oldest)', labelNames: ['model', 'precision'], buckets: SECONDS_BUCKETS, registers }),
    prefixRequests: new Counter({ name: 'tandem_prefix_requests_total', help: 'Requests of variants that keep user prefixes: hit, miss (built), bypassed (whole history, nothing kept)', labelNames: ['kind', 'model', 'precision'], registers }),
    prefixSteps: new Counter({ name: 'tandem_prefix_steps_total', help: 'Tokens that hits computed', labelNames: ['model', 'precision'], registers }),
    prefixSavedTokens: new Counter({ name: 'tandem_prefix_saved_tokens_total', help: 'Tokens that hits did not compute', labelNames: ['model', 'precision'], registers }),
    prefixEvictions: new Counter({ name: 'tandem_prefix_evictions_total', help: 'User prefixes that made room for others', labelNames: ['model', 'precision'], registers }),
    prefixBytes: new Gauge({ name: 'tandem_prefix_bytes', help: 'Memory of user prefixes in use', labelNames: ['model', 'precision'], registers }),
    abandonedThreads: new Gauge({ name: 'tandem_abandoned_threads', help: 'Inference threads that hang and have been replaced', registers }),
    takenOut: new Gauge({ name: 'tandem_variants_taken_out', help: '1 while a variant is taken out after repeated failures', labelNames: ['model', 'precision'], registers }),
    stepOutcomes: new Counter({ name: 'tandem_step_outcomes_total', help: 'Steps by what became of them', labelNames: ['kind', 'model', 'precision'], registers }),
    resultCache: new Counter({ name: 'tandem_result_cache_total', help: 'Steps of workloads whose results are kept: hit (in this process), shared_hit, joined (an identical step was being computed), miss', labelNames: ['model', 'precision', 'result'], registers }),
    resultCacheSavedMs: new Counter({ name: 'tandem_result_cache_saved_compute_ms_total', help: 'Compute that was not spent, since a step was answered with an identical one’s result, ms', labelNames: ['model', 'precision'], registers }),
    resultCacheBytes: new Gauge({ name: 'tandem_result_cache_bytes', help: 'Estimated memory of the results kept in this process', registers }),
    responses: new Counter({ name: 'tandem_responses_total', help: 'Final responses', labelNames: ['workload', 'status', 'reason'], registers }),
    responseSeconds: new Histogram({ name: 'tandem_response_seconds', help: 'From append of the request until its response was made', labelNames: ['workload'], buckets: SECONDS_BUCKETS, registers }),
    lateParts: new Counter({ name: 'tandem_late_parts_total', help: 'Outcomes that came after the final response', registers }),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
