import type { Clock } from '@tandem/shared/clock';
import type { Settings } from '@tandem/shared/config';
import { Autoscaler, LoadMeter, readHeartbeat, readSchedulerReport, type LoadSample, type ScalingDecision, type ScalingRules } from '@tandem/shared/core';
import { TandemError, messageOf } from '@tandem/shared/errors';
import type { LogRecord } from '@tandem/shared/log';

const INTERVAL_MS = 1_000;

/** The rules of the settings. */
export function scalingRules(settings: Settings, { min, max }: Pick<ScalingRules, 'min' | 'max'>): Partial<ScalingRules> {
  const { scaleTargetUse: targetUse, scaleLowerUse: lowerUse, scaleUpAfterMs: upAfterMs, scaleDownAfterMs: downAfterMs, scaleIdleAfterMs: idleAfterMs } = settings;
  return { min, max, targetUse, lowerUse, upAfterMs, downAfterMs, idleAfterMs };
}

export interface ScalingWatchOptions {
  clock: Clock;
  rules: Partial<ScalingRules>;
  /** Once a second. */
  onDecision: (decision: ScalingDecision, sample: LoadSample) => void;
  /** What a worker takes to start, ms. @default 0 */
  startMs?: () => number;
  /** Others decide how many there are: those that are heard first are as many as should be, until the load says otherwise. @default false */
  adopts?: boolean;
}

/** Follows the telemetry of all workers and schedulers, and says once a second how many workers there should be. */
export class ScalingWatch {
  readonly #options: ScalingWatchOptions;
  readonly #meter: LoadMeter;
  readonly #scaler: Autoscaler;
  #cancel: () => void = () => undefined;
  #adopts: boolean;

  /** @throws {TandemError} `settings_invalid`: rules that contradict each other */
  constructor(options: ScalingWatchOptions) {
    this.#options = options;
    this.#adopts = options.adopts ?? false;
    this.#meter = new LoadMeter(options.clock.now());
    try {
      this.#scaler = new Autoscaler(options.rules);
    } catch (error) {
      throw new TandemError(`the settings of scaling contradict each other: ${messageOf(error)}`, { code: 'settings_invalid', cause: error });
    }
  }

  /** As it was last decided. */
  get workers(): number {
    return this.#scaler.workers;
  }

  /** A record of the telemetry. */
  heard({ key, value }: Pick<LogRecord, 'key' | 'value'>): void {
    const now = this.#options.clock.now();
    if (key === null) return;
    if (value === null) return this.#meter.left(key.replace(/^scheduler\//, ''), key.startsWith('scheduler/') ? 'scheduler' : 'worker');
    const heartbeat = readHeartbeat(value);
    if (heartbeat !== undefined) return this.#meter.beat(heartbeat, now);
    const report = readSchedulerReport(value);
    if (report !== undefined) this.#meter.report(report, now);
  }

  start(): void {
    const { clock, onDecision, startMs } = this.#options;
    this.#cancel = clock.schedule(clock.now() + INTERVAL_MS, () => {
      const sample = this.#meter.sample(clock.now());
      if (this.#adopts && sample.workers > 0) {
        this.#scaler.adopt(sample.workers);
        this.#adopts = false;
      }
      onDecision(this.#scaler.update(sample, startMs?.()), sample);
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }
}
