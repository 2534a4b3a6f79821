import { Gauge, type Registry } from 'prom-client';
import { SECONDS_BUCKETS } from './buckets.ts';
import { Histogram } from './histogram.ts';

/** Calls over HTTP. */
export function gatewayMetrics(registers: Registry[]) {
  return {
    gatewaySeconds: new Histogram({ name: 'tandem_gateway_seconds', help: 'HTTP calls that bring work, by route and status: from their headers until the answer is out', labelNames: ['route', 'status'], buckets: SECONDS_BUCKETS, registers }),
    gatewayWaiting: new Gauge({ name: 'tandem_gateway_waiting', help: 'HTTP requests that wait for a response of the flow', registers }),
  };
}
