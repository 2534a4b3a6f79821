import { Registry, collectDefaultMetrics } from 'prom-client';
import { conventionalMetrics } from './conventional-metrics.ts';
import { classifierMetrics } from './metrics/classifier.ts';
import { experimentMetrics } from './metrics/experiment.ts';
import { fusionMetrics } from './metrics/fusion.ts';
import { gatewayMetrics } from './metrics/gateway.ts';
import { resultCacheMetrics } from './metrics/result-cache.ts';
import { schedulerMetrics } from './metrics/scheduler.ts';
import { stageMetrics } from './metrics/stage.ts';
import { workerMetrics } from './metrics/worker.ts';

/** Every metric of the flow, one table (docs/metrics.md lists them). No user or request id is ever a label. */
export function createMetrics({ processMetrics = true }: { processMetrics?: boolean } = {}) {
  const registry = new Registry();
  if (processMetrics) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const scrape = { refresh: () => {}, brokerMs: (): number | undefined => undefined };
  const metrics = {
    ...stageMetrics(registers, () => scrape.brokerMs()),
    ...classifierMetrics(registers),
    ...schedulerMetrics(registers, () => scrape.refresh()),
    ...workerMetrics(registers),
    ...resultCacheMetrics(registers),
    ...fusionMetrics(registers),
    ...experimentMetrics(registers),
    ...gatewayMetrics(registers),
  };
  conventionalMetrics(metrics, registry);
  /** Called whenever the workers are asked for: sets both gauges. */
  const onWorkersAsked = (refresh: () => void) => void (scrape.refresh = refresh);
  /** Called whenever metrics are asked for. */
  const onBrokerAsked = (brokerMs: () => number | undefined) => void (scrape.brokerMs = brokerMs);
  return { registry, ...metrics, onWorkersAsked, onBrokerAsked };
}

/** All metrics by name, and the registry that is scraped. */
export type Metrics = ReturnType<typeof createMetrics>;
