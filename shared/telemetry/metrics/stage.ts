import { Gauge, type Registry } from 'prom-client';
import { SECONDS_BUCKETS } from './buckets.ts';
import { Counter } from './counter.ts';
import { Histogram } from './histogram.ts';

/** Of every stage: what its runner does with records. @param brokerMs asked for whenever metrics are */
export function stageMetrics(registers: Registry[], brokerMs: () => number | undefined) {
  return {
    records: new Counter({ name: 'tandem_records_total', help: 'Records handled by a stage', labelNames: ['stage', 'topic', 'result'], registers }),
    handleSeconds: new Histogram({ name: 'tandem_handle_seconds', help: 'From delivery of a record until it is acknowledged', labelNames: ['stage'], buckets: SECONDS_BUCKETS, registers }),
    inFlight: new Gauge({ name: 'tandem_in_flight_records', help: 'Delivered, not acknowledged', labelNames: ['stage'], registers }),
    lag: new Gauge({ name: 'tandem_lag_records', help: 'Records of the assigned partitions not yet delivered; of the lane bulk a backlog is as it should be', labelNames: ['stage', 'group', 'lane'], registers }),
    assignedPartitions: new Gauge({ name: 'tandem_assigned_partitions', help: 'Partitions that are assigned here', labelNames: ['stage', 'group'], registers }),
    rebalances: new Counter({ name: 'tandem_rebalances_total', help: 'Times that a group was joined anew, the first time included', labelNames: ['stage', 'group'], registers }),
    retries: new Counter({ name: 'tandem_retries_total', help: 'Records tried again at once, after an error that may pass', labelNames: ['stage'], registers }),
    deadLetters: new Counter({ name: 'tandem_dead_letters_total', help: 'Records put on the dead letters', labelNames: ['stage', 'code'], registers }),
    faults: new Counter({ name: 'tandem_consumer_faults_total', help: 'Consumers that failed and were restarted', labelNames: ['stage'], registers }),
    brokerRoundTrip: new Gauge({
      name: 'tandem_broker_round_trip_seconds', help: 'From a write until it is acknowledged, network and broker together: moving mean; none while nothing is written', registers,
      collect() {
        const ms = brokerMs();
        if (ms === undefined) this.remove();
        else this.set(ms / 1_000);
      },
    }),
    transactions: new Counter({ name: 'tandem_transactions_total', help: 'Transactions of responses: committed; aborted, or their fate unknown', labelNames: ['result'], registers }),
  };
}
