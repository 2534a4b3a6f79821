import type { Response } from '@tandem/schemas';
import type { Decision } from '@tandem/shared/core';
import type { Metrics } from '@tandem/shared/telemetry';

/** Stages know their observers, not the metrics library. */
export function fusionObserver(metrics: Metrics) {
  return {
    responded({ workload, status, reason = 'none', latencyMs }: Response) {
      metrics.responses.inc({ workload, status, reason });
      metrics.responseSeconds.observe({ workload }, latencyMs / 1_000);
    },
    latePart: () => metrics.lateParts.inc(),
  };
}

export function schedulerObserver(metrics: Metrics) {
  return {
    decided(decision: Decision) {
      const { model, precision } = decision.kind === 'dispatch' ? decision : { model: 'none', precision: 'none' };
      metrics.decisions.inc({ kind: decision.kind, model, precision });
    },
  };
}
