import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { conventionalMetrics } from './conventional-metrics.ts';

/** 0.5 ms … 10 s: the range that a deadline can be set in. */
const SECONDS_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** Every metric of the flow, one table (docs/metrics.md lists them). No user or request id is ever a label. */
export function createMetrics({ processMetrics = true }: { processMetrics?: boolean } = {}) {
  const registry = new Registry();
  // The library lets only such a registry have histograms that take exemplars.
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  if (processMetrics) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const scrape = { refresh: () => {} };
  const metrics = {
    records: new Counter({ name: 'tandem_records_total', help: 'Records handled by a stage', labelNames: ['stage', 'topic', 'result'], registers }),
    handleSeconds: new Histogram({ name: 'tandem_handle_seconds', help: 'From delivery of a record until it is acknowledged', labelNames: ['stage'], buckets: SECONDS_BUCKETS, registers }),
    inFlight: new Gauge({ name: 'tandem_in_flight_records', help: 'Delivered, not acknowledged', labelNames: ['stage'], registers }),
    lag: new Gauge({ name: 'tandem_lag_records', help: 'Records of the assigned partitions not yet delivered; of the lane bulk a backlog is as it should be', labelNames: ['stage', 'group', 'lane'], registers }),
    assignedPartitions: new Gauge({ name: 'tandem_assigned_partitions', help: 'Partitions that are assigned here', labelNames: ['stage', 'group'], registers }),
    rebalances: new Counter({ name: 'tandem_rebalances_total', help: 'Times that a group was joined anew, the first time included', labelNames: ['stage', 'group'], registers }),
    retries: new Counter({ name: 'tandem_retries_total', help: 'Records tried again at once, after an error that may pass', labelNames: ['stage'], registers }),
    deadLetters: new Counter({ name: 'tandem_dead_letters_total', help: 'Records put on the dead letters', labelNames: ['stage', 'code'], registers }),
    faults: new Counter({ name: 'tandem_consumer_faults_total', help: 'Consumers that failed and were restarted', labelNames: ['stage'], registers }),
    transactions: new Counter({ name: 'tandem_transactions_total', help: 'Transactions of responses: committed; aborted, or their fate unknown', labelNames: ['result'], registers }),
    tasks: new Counter({ name: 'tandem_tasks_total', help: 'Requests classified', labelNames: ['workload', 'task'], registers }),
    marks: new Counter({ name: 'tandem_task_marks_total', help: 'What the classifier noticed: unknown users, dropped items, stale features', labelNames: ['workload', 'mark'], registers }),
    rejections: new Counter({ name: 'tandem_rejections_total', help: 'Requests answered as rejected', labelNames: ['code'], registers }),
    interactions: new Counter({ name: 'tandem_interactions_total', help: 'Interactions applied to the features', registers }),
    cacheUnavailable: new Counter({ name: 'tandem_cache_unavailable_total', help: 'Times a stage went on without the cache', registers }),
    decisions: new Counter({ name: 'tandem_decisions_total', help: 'Steps decided by the scheduler', labelNames: ['kind', 'model', 'precision'], registers }),
    workers: new Gauge({ name: 'tandem_workers', help: 'Workers that a scheduler hears: fresh; stale, of which nothing was heard for 3 s and that have not said goodbye (for 10 minutes, then forgotten)', labelNames: ['state'], registers, collect: () => scrape.refresh() }),
    heartbeatAge: new Gauge({ name: 'tandem_heartbeat_age_seconds', help: 'Since the last heartbeat of the worker that has been silent for longest, as a scheduler sees it', registers, collect: () => scrape.refresh() }),
    wantedWorkers: new Gauge({ name: 'tandem_wanted_workers', help: 'Workers that there should be for the load, damped; every scheduler says the same, so ask for the largest', registers }),
    loadSessions: new Gauge({ name: 'tandem_load_sessions', help: 'Inference threads that the interactive steps keep busy that arrive, in full batches, over all workers', registers }),
    capacitySessions: new Gauge({ name: 'tandem_capacity_sessions', help: 'Inference threads of all workers', registers }),
    backlogSeconds: new Gauge({ name: 'tandem_backlog_seconds', help: 'Time of one inference thread that the interactive backlog of all workers needs', registers }),
    missedShare: new Gauge({ name: 'tandem_missed_share', help: 'Of the interactive steps of the last second: late at a worker, or refused by a scheduler', registers }),
    expectationErrorSeconds: new Histogram({ name: 'tandem_expectation_error_seconds', help: 'From dispatch until heard of: by how much the scheduler’s expectation was off, either way', labelNames: ['model', 'precision'], buckets: SECONDS_BUCKETS, registers }),
    expectedSeconds: new Counter({ name: 'tandem_expected_seconds_total', help: 'From dispatch until heard of, as expected: beside tandem_actual_seconds_total it tells which way expectations are off', labelNames: ['model', 'precision'], registers }),
    actualSeconds: new Counter({ name: 'tandem_actual_seconds_total', help: 'From dispatch until heard of, of the same steps', labelNames: ['model', 'precision'], registers }),
    batchSize: new Histogram({ name: 'tandem_batch_size', help: 'Requests per batch', labelNames: ['model', 'precision'], buckets: BATCH_BUCKETS, registers }),
    batchSeconds: new Histogram({ name: 'tandem_batch_seconds', help: 'Inference of one batch', labelNames: ['model', 'precision'], buckets: SECONDS_BUCKETS, enableExemplars: true, registers }),
    queueSeconds: new Histogram({ name: 'tandem_queue_seconds', help: 'From dispatch until the batch began, per batch (its oldest)', labelNames: ['model', 'precision'], buckets: SECONDS_BUCKETS, registers }),
    prefixRequests: new Counter({ name: 'tandem_prefix_requests_total', help: 'Requests of variants that keep user prefixes: hit, miss (built), bypassed (whole history, nothing kept)', labelNames: ['kind', 'model', 'precision'], registers }),
    prefixSteps: new Counter({ name: 'tandem_prefix_steps_total', help: 'Tokens that hits computed', labelNames: ['model', 'precision'], registers }),
    prefixSavedTokens: new Counter({ name: 'tandem_prefix_saved_tokens_total', help: 'Tokens that hits did not compute', labelNames: ['model', 'precision'], registers }),
    prefixEvictions: new Counter({ name: 'tandem_prefix_evictions_total', help: 'User prefixes that made room for others', labelNames: ['model', 'precision'], registers }),
    prefixBytes: new Gauge({ name: 'tandem_prefix_bytes', help: 'Memory of user prefixes in use', labelNames: ['model', 'precision'], registers }),
    generateTokens: new Counter({ name: 'tandem_generate_tokens_total', help: 'Items of slates by kind: generated; prompt (computed) and reused (found in memory) of histories; drafted, and accepted of those', labelNames: ['kind', 'model', 'precision'], registers }),
    generatePreemptions: new Counter({ name: 'tandem_generate_preemptions_total', help: 'Slates that had to give way for want of memory and were computed again', labelNames: ['model', 'precision'], registers }),
    generateEvictions: new Counter({ name: 'tandem_generate_evictions_total', help: 'What finished slates had left in memory, given up for room', labelNames: ['model', 'precision'], registers }),
    generateCacheBytes: new Gauge({ name: 'tandem_generate_cache_bytes', help: 'Memory of slates’ keys and values in use', labelNames: ['model', 'precision'], registers }),
    generateSequences: new Gauge({ name: 'tandem_generate_sequences', help: 'Slates by state: under_way (with memory), waiting', labelNames: ['state', 'model', 'precision'], registers }),
    abandonedThreads: new Gauge({ name: 'tandem_abandoned_threads', help: 'Inference threads that hang and have been replaced', registers }),
    takenOut: new Gauge({ name: 'tandem_variants_taken_out', help: '1 while a variant is taken out after repeated failures', labelNames: ['model', 'precision'], registers }),
    stepOutcomes: new Counter({ name: 'tandem_step_outcomes_total', help: 'Steps by what became of them', labelNames: ['kind', 'model', 'precision'], registers }),
    resultCache: new Counter({ name: 'tandem_result_cache_total', help: 'Steps of workloads whose results are kept: hit (in this process), shared_hit, joined (an identical step was being computed), miss', labelNames: ['model', 'precision', 'result'], registers }),
    resultCacheSavedMs: new Counter({ name: 'tandem_result_cache_saved_compute_ms_total', help: 'Compute that was not spent, since a step was answered with an identical one’s result, ms', labelNames: ['model', 'precision'], registers }),
    resultCacheBytes: new Gauge({ name: 'tandem_result_cache_bytes', help: 'Estimated memory of the results kept in this process', registers }),
    responses: new Counter({ name: 'tandem_responses_total', help: 'Final responses', labelNames: ['workload', 'status', 'reason'], registers }),
    responseSeconds: new Histogram({ name: 'tandem_response_seconds', help: 'From append of the request until its response was made', labelNames: ['workload'], buckets: SECONDS_BUCKETS, enableExemplars: true, registers }),
    provisionalResponses: new Counter({ name: 'tandem_provisional_responses_total', help: 'Responses before the final one, where they were asked for', labelNames: ['workload'], registers }),
    lateParts: new Counter({ name: 'tandem_late_parts_total', help: 'Outcomes that came after the final response', registers }),
    liveJudged: new Counter({ name: 'tandem_live_judged_total', help: 'Answers that a later interaction of their user has judged', labelNames: ['workload', 'model', 'precision'], registers }),
    liveHits: new Counter({ name: 'tandem_live_hits_total', help: 'Of those: the item was among the first ten. Divided by the judged, the live HR@10', labelNames: ['workload', 'model', 'precision'], registers }),
    experimentAnswers: new Counter({ name: 'tandem_experiment_answers_total', help: 'Answers by experiment and arm: good, bad (failed, shed, degraded, or rescued by another variant), yielded (another variant, since the arm’s would have been late)', labelNames: ['experiment', 'arm', 'result'], registers }),
    experimentSeconds: new Histogram({ name: 'tandem_experiment_response_seconds', help: 'From append of the request until its response was made, by the arm of its user', labelNames: ['experiment', 'arm'], buckets: SECONDS_BUCKETS, registers }),
    experimentJudged: new Counter({ name: 'tandem_experiment_judged_total', help: 'Answers of an arm that a later interaction of their user has judged', labelNames: ['experiment', 'arm'], registers }),
    experimentHits: new Counter({ name: 'tandem_experiment_hits_total', help: 'Of those: the item was among the first ten', labelNames: ['experiment', 'arm'], registers }),
    experimentCopies: new Counter({ name: 'tandem_experiment_copies_total', help: 'Copies of work that arms which shadow got, by what became of them: completed, failed, expired, skipped', labelNames: ['experiment', 'arm', 'result'], registers }),
    experimentActions: new Counter({ name: 'tandem_experiment_actions_total', help: 'Arms that a scheduler has promoted or rolled back by itself, and experiments that it has ended', labelNames: ['experiment', 'action'], registers }),
    gatewaySeconds: new Histogram({ name: 'tandem_gateway_seconds', help: 'HTTP calls that bring work, by route and status: from their headers until the answer is out', labelNames: ['route', 'status'], buckets: SECONDS_BUCKETS, registers }),
    gatewayWaiting: new Gauge({ name: 'tandem_gateway_waiting', help: 'HTTP requests that wait for a response of the flow', registers }),
  };
  registry.setContentType(Registry.PROMETHEUS_CONTENT_TYPE);
  conventionalMetrics(metrics, registry);
  /** Called whenever the workers are asked for: sets both gauges. */
  const onWorkersAsked = (refresh: () => void) => void (scrape.refresh = refresh);
  return { registry, ...metrics, onWorkersAsked };
}

export type Metrics = ReturnType<typeof createMetrics>;
