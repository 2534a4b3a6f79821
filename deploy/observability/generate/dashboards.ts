/** A Grafana dashboard, as far as we choose: everything else follows from it. */
export interface Dashboard {
  /** Of its file and its address. */
  name: string;
  title: string;
  panels: readonly Panel[];
}

export interface Panel {
  title: string;
  /** Grafana's name. */
  unit: 'reqps' | 's' | 'percentunit' | 'short' | 'bytes' | 'ops';
  /** What to see in it, and what to do: shown beside the title. */
  help?: string;
  /** By legend. */
  queries: Readonly<Record<string, string>>;
}

const quantile = (share: number, metric: string, by: string) => `histogram_quantile(${share}, sum by (${by}, le) (rate(${metric}_bucket[$__rate_interval])))`;
const rate = (metric: string, by: string) => `sum by (${by}) (rate(${metric}[$__rate_interval]))`;

const calls = (share: number) => `histogram_quantile(${share}, sum by (route, le) (rate(tandem_gateway_seconds_bucket{status=~"2..",route!~".*:batch"}[$__rate_interval])))`;

const ON_CALL: Dashboard = {
  name: 'on-call',
  title: 'Tandem: what is wrong?',
  panels: [
    { title: 'Answers by status', unit: 'reqps', help: 'Nothing at all: see no-answers. Degraded and failed: see errors-burn-fast.', queries: { '{{workload}} {{status}}': 'tandem:responses:rate1m' } },
    { title: 'Why answers are not simply complete', unit: 'reqps', queries: { '{{workload}} {{status}}: {{reason}}': 'sum by (workload, status, reason) (rate(tandem_responses_total{reason!="none"}[$__rate_interval]))' } },
    { title: 'Response time', unit: 's', queries: { '{{workload}} p50': 'tandem:response_seconds:p50_rate5m', '{{workload}} p99': 'tandem:response_seconds:p99_rate5m' } },
    { title: 'Errors against the objective of 99 %', unit: 'percentunit', queries: { '{{workload}} 5 min': 'tandem:errors:ratio_rate5m', '{{workload}} 1 h': 'tandem:errors:ratio_rate1h' } },
    { title: 'HTTP calls by status', unit: 'reqps', help: 'Of the gateways. 503: refused, mostly before any work is done, see gateway-refuses. 500, 502, 504: see gateway-errors.', queries: { '{{route}} {{status}}': rate('tandem_gateway_seconds_count', 'route, status') } },
    { title: 'Time of an HTTP call that was answered', unit: 's', help: 'Batches take as long as their callers like: they are left out.', queries: { '{{route}} p50': calls(0.5), '{{route}} p99': calls(0.99) } },
    { title: 'HTTP requests that wait for an answer', unit: 'short', help: 'At --gateway-max-waiting, new ones are refused.', queries: { '{{instance}}': 'tandem_gateway_waiting' } },
    { title: 'Records that wait', unit: 'short', help: 'The interactive lane should be near 0; bulk may wait.', queries: { '{{group}} {{lane}}': 'tandem:lag:records' } },
    { title: 'Workers heard of', unit: 'short', help: 'Stale: killed or cut off. See heartbeat-stale.', queries: { '{{state}}': 'max by (state) (tandem_workers)' } },
    { title: 'Variants taken out', unit: 'short', queries: { '{{model}}.{{precision}}': 'max by (model, precision) (tandem_variants_taken_out)' } },
    { title: 'Dead letters', unit: 'ops', queries: { '{{stage}} {{code}}': rate('tandem_dead_letters_total', 'stage, code') } },
    { title: 'Consumers that failed', unit: 'ops', help: 'All stages at once: the broker. One: that process.', queries: { '{{stage}}': rate('tandem_consumer_faults_total', 'stage') } },
    { title: 'Without the cache', unit: 'ops', queries: { '{{instance}}': rate('tandem_cache_unavailable_total', 'instance') } },
    { title: 'Processes that answer', unit: 'short', queries: { '{{instance}}': 'up{job="tandem"}' } },
    { title: 'Live HR@10 of the last hour', unit: 'percentunit', queries: { '{{workload}}': 'tandem:live_hr10:ratio_rate1h' } },
  ],
};

const PIPE: Dashboard = {
  name: 'pipe',
  title: 'Tandem: the pipe',
  panels: [
    { title: 'Records by stage', unit: 'ops', queries: { '{{stage}} {{result}}': rate('tandem_records_total', 'stage, result') } },
    { title: 'Messages by topic (OpenTelemetry’s names)', unit: 'ops', queries: { '{{messaging_destination_name}}': rate('messaging_client_consumed_messages_total', 'messaging_destination_name') } },
    { title: 'Time in a stage, p99', unit: 's', queries: { '{{stage}}': quantile(0.99, 'tandem_handle_seconds', 'stage') } },
    { title: 'In flight', unit: 'short', queries: { '{{stage}}': 'sum by (stage) (tandem_in_flight_records)' } },
    { title: 'Partitions', unit: 'short', help: 'Each group’s sum is its number of partitions: less means that some are with nobody.', queries: { '{{group}} {{instance}}': 'sum by (group, instance) (tandem_assigned_partitions)' } },
    { title: 'Rebalances', unit: 'ops', queries: { '{{group}}': rate('tandem_rebalances_total', 'group') } },
    { title: 'Tried again', unit: 'ops', queries: { '{{stage}}, at once': rate('tandem_retries_total', 'stage'), '{{stage}}, later': 'sum by (stage) (rate(tandem_records_total{result="retry_later"}[$__rate_interval]))' } },
    { title: 'Transactions', unit: 'ops', queries: { '{{result}}': rate('tandem_transactions_total', 'result') } },
    { title: 'Outcomes that came too late', unit: 'ops', queries: { late: 'sum(rate(tandem_late_parts_total[$__rate_interval]))' } },
    { title: 'From a write to its acknowledgement', unit: 's', help: 'Of all processes at once: the brokers. Of one: its network.', queries: { '{{instance}}': 'tandem_broker_round_trip_seconds' } },
    { title: 'Event loop, p99', unit: 's', queries: { '{{instance}}': 'nodejs_eventloop_lag_p99_seconds{job="tandem"}' } },
    { title: 'CPU', unit: 'percentunit', queries: { '{{instance}}': 'rate(process_cpu_seconds_total{job="tandem"}[$__rate_interval])' } },
    { title: 'Memory', unit: 'bytes', queries: { '{{instance}}': 'process_resident_memory_bytes{job="tandem"}' } },
  ],
};

const MODELS: Dashboard = {
  name: 'models',
  title: 'Tandem: models and decisions',
  panels: [
    { title: 'Steps by decision', unit: 'ops', queries: { '{{kind}} {{model}}.{{precision}}': rate('tandem_decisions_total', 'kind, model, precision') } },
    { title: 'Steps by what became of them', unit: 'ops', queries: { '{{kind}} {{model}}.{{precision}}': rate('tandem_step_outcomes_total', 'kind, model, precision') } },
    { title: 'Mean batch size', unit: 'short', queries: { '{{model}}.{{precision}}': `${rate('tandem_batch_size_sum', 'model, precision')} / ${rate('tandem_batch_size_count', 'model, precision')}` } },
    { title: 'Time of a batch, p50 and p99', unit: 's', queries: { '{{model}}.{{precision}} p50': quantile(0.5, 'tandem_batch_seconds', 'model, precision'), '{{model}}.{{precision}} p99': quantile(0.99, 'tandem_batch_seconds', 'model, precision') } },
    { title: 'Queue delay of a batch, p99', unit: 's', queries: { '{{model}}.{{precision}}': quantile(0.99, 'tandem_queue_seconds', 'model, precision') } },
    { title: 'Busy sessions', unit: 'short', help: 'Mean number of batches that run at once: near the number of threads, the workers are full.', queries: { '{{model}}.{{precision}}': rate('tandem_batch_seconds_sum', 'model, precision') } },
    { title: 'User prefixes: share of hits', unit: 'percentunit', queries: { '{{model}}.{{precision}}': 'sum by (model, precision) (rate(tandem_prefix_requests_total{kind="hit"}[$__rate_interval])) / sum by (model, precision) (rate(tandem_prefix_requests_total[$__rate_interval]))' } },
    { title: 'User prefixes: memory', unit: 'bytes', queries: { '{{model}}.{{precision}}': 'sum by (model, precision) (tandem_prefix_bytes)' } },
    { title: 'Slates: items a second', unit: 'short', queries: { '{{kind}}': 'sum by (kind) (rate(tandem_generate_tokens_total[$__rate_interval]))' } },
    { title: 'Slates: under way and waiting', unit: 'short', queries: { '{{state}}': 'sum by (state) (tandem_generate_sequences)' } },
    { title: 'Slates: memory', unit: 'bytes', queries: { '{{model}}.{{precision}}': 'sum by (model, precision) (tandem_generate_cache_bytes)' } },
    { title: 'Slates: preemptions and evictions a second', unit: 'short', queries: { preemptions: 'sum(rate(tandem_generate_preemptions_total[$__rate_interval]))', evictions: 'sum(rate(tandem_generate_evictions_total[$__rate_interval]))' } },
    { title: 'Results kept: how steps came by theirs', unit: 'ops', queries: { '{{result}}': rate('tandem_result_cache_total', 'result') } },
    { title: 'Requests by task', unit: 'reqps', queries: { '{{workload}} {{task}}': rate('tandem_tasks_total', 'workload, task') } },
    { title: 'What the classifier noticed', unit: 'ops', queries: { '{{workload}} {{mark}}': rate('tandem_task_marks_total', 'workload, mark'), 'rejected: {{code}}': rate('tandem_rejections_total', 'code') } },
    { title: 'Experiments: answers by arm', unit: 'reqps', help: 'Bad: failed, shed, degraded or rescued. Guard rails compare arms with control.', queries: { '{{experiment}} {{arm}}: {{result}}': rate('tandem_experiment_answers_total', 'experiment, arm, result') } },
    { title: 'Experiments: response time by arm, p95', unit: 's', queries: { '{{experiment}} {{arm}}': quantile(0.95, 'tandem_experiment_response_seconds', 'experiment, arm') } },
    { title: 'Experiments: live HR@10 by arm', unit: 'percentunit', queries: { '{{experiment}} {{arm}}': 'sum by (experiment, arm) (rate(tandem_experiment_hits_total[1h])) / sum by (experiment, arm) (rate(tandem_experiment_judged_total[1h]))' } },
    { title: 'Experiments: copies', unit: 'ops', queries: { '{{experiment}} {{arm}}: {{result}}': rate('tandem_experiment_copies_total', 'experiment, arm, result') } },
    { title: 'Experiments: what schedulers did by themselves', unit: 'short', help: 'A step is an action: promoted, rolled back (see experiment-rolled-back), ended. Operators’ are in the audit.', queries: { '{{experiment}} {{arm}}: {{action}}': 'sum by (experiment, arm, action) (tandem_experiment_actions_total)' } },
    { title: 'Live HR@10 by the model that answered', unit: 'percentunit', queries: { '{{workload}} {{model}}.{{precision}}': 'sum by (workload, model, precision) (rate(tandem_live_hits_total[1h])) / sum by (workload, model, precision) (rate(tandem_live_judged_total[1h]))' } },
  ],
};

/** The one description of all dashboards; `npm run generate:observability` writes Grafana's JSON from it. */
export const DASHBOARDS: readonly Dashboard[] = [ON_CALL, PIPE, MODELS];
