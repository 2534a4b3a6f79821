import { Gauge, type Registry } from 'prom-client';
import { JOULES_BUCKETS, SECONDS_BUCKETS } from './buckets.ts';
import { Counter } from './counter.ts';
import { Histogram } from './histogram.ts';

/** What the scheduler decides, and what it decides by. @param onAsked called whenever the workers are asked for */
export function schedulerMetrics(registers: Registry[], onAsked: () => void) {
  const metrics = {
    decisions: new Counter({ name: 'tandem_decisions_total', help: 'Steps decided by the scheduler', labelNames: ['kind', 'model', 'precision'], registers }),
    workers: new Gauge({ name: 'tandem_workers', help: 'Workers that a scheduler hears: fresh; stale, of which nothing was heard for 3 s and that have not said goodbye (for 10 minutes, then forgotten)', labelNames: ['state'], registers, collect: onAsked }),
    heartbeatAge: new Gauge({ name: 'tandem_heartbeat_age_seconds', help: 'Since the last heartbeat of the worker that has been silent for longest, as a scheduler sees it', registers, collect: onAsked }),
    wantedWorkers: new Gauge({ name: 'tandem_wanted_workers', help: 'Workers that there should be for the load, damped; every scheduler says the same, so ask for the largest; other processes say nothing', registers }),
    loadSessions: new Gauge({ name: 'tandem_load_sessions', help: 'Inference threads that the interactive steps keep busy that arrive, in full batches, over all workers', registers }),
    capacitySessions: new Gauge({ name: 'tandem_capacity_sessions', help: 'Inference threads of all workers', registers }),
    backlogSeconds: new Gauge({ name: 'tandem_backlog_seconds', help: 'Time of one inference thread that the interactive backlog of all workers needs', registers }),
    missedShare: new Gauge({ name: 'tandem_missed_share', help: 'Of the interactive steps of the last second: late at a worker, or refused by a scheduler', registers }),
    expectationErrorSeconds: new Histogram({ name: 'tandem_expectation_error_seconds', help: 'From dispatch until heard of: by how much the scheduler’s expectation was off, either way', labelNames: ['model', 'precision'], buckets: SECONDS_BUCKETS, registers }),
    expectedSeconds: new Counter({ name: 'tandem_expected_seconds_total', help: 'From dispatch until heard of, as expected: beside tandem_actual_seconds_total it tells which way expectations are off', labelNames: ['model', 'precision'], registers }),
    actualSeconds: new Counter({ name: 'tandem_actual_seconds_total', help: 'From dispatch until heard of, of the same steps', labelNames: ['model', 'precision'], registers }),
    stepJoules: new Histogram({ name: 'tandem_step_joules', help: 'Energy of an interactive step, its share of its batch, where the power of all machines that serve its variant is measured (RAPL, or the GPU’s own figure)', labelNames: ['model', 'precision'], buckets: JOULES_BUCKETS, registers }),
  };
  // An autoscaler would take a 0 at its word.
  metrics.wantedWorkers.remove();
  return metrics;
}
