export type { ResourceProbe } from './types.ts';
export { acceleratorProbe, type AcceleratorProbeOptions } from './accelerator.ts';
export { withBroker } from './broker.ts';
export { operatingSystemProbe } from './operating-system.ts';
export { dcgmQueries, prometheusProbe, type PrometheusProbeOptions, type PrometheusQueries } from './prometheus.ts';
