import type { Settings } from '@tandem/shared/config';
import type { Ports } from './ports.ts';
import { ScalingWatch, scalingRules } from './scaling-watch.ts';

/**
 * How many workers there should be, as metrics, for an autoscaler of the platform (KEDA). Every scheduler hears the same workers and
 * schedulers and comes to the same numbers, so no leader is needed: ask for the largest. More workers than partitions would be idle.
 * @throws {TandemError} `settings_invalid`
 */
export function scalingGauges(settings: Settings, { metrics, clock }: Pick<Ports, 'metrics' | 'clock'>): ScalingWatch {
  const rules = scalingRules(settings, { min: 0, max: settings.partitions });
  return new ScalingWatch({
    clock, rules, adopts: true,
    onDecision: ({ workers }, { sessions, arrivedMs, durationMs, backlogMs, asked, missed }) => {
      metrics.wantedWorkers.set(workers);
      metrics.capacitySessions.set(sessions);
      metrics.loadSessions.set(arrivedMs / durationMs);
      metrics.backlogSeconds.set(backlogMs / 1_000);
      metrics.missedShare.set(asked === 0 ? 0 : Math.min(1, missed / asked));
    },
  });
}
