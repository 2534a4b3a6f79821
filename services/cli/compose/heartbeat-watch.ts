import type { Clock } from '@tandem/shared/clock';
import { WORKER_GONE_AFTER_MS } from '@tandem/shared/core';
import type { LogRecord } from '@tandem/shared/log';
import type { Metrics } from '@tandem/shared/telemetry';

const FORGOTTEN_AFTER_MS = 600_000;
/** Also erasures and whatever else may come are told by that topic. */
const HEARTBEAT = Buffer.from('"kind":"worker"');

/** Tells how long ago workers were heard of, for an alarm: one that is killed says no goodbye. */
export class HeartbeatWatch {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #heardAt = new Map<string, number>();

  constructor(metrics: Metrics, clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
    metrics.onWorkersAsked(() => this.#report(metrics));
  }

  heard({ key, value, timestamp }: LogRecord): void {
    if (key === null) return;
    if (value === null) this.#heardAt.delete(key);
    else if (value.includes(HEARTBEAT)) this.#heardAt.set(key, timestamp);
  }

  #report(metrics: Metrics): void {
    const now = this.#clock.now();
    let [fresh, stale, oldestMs] = [0, 0, 0];
    for (const [instance, at] of this.#heardAt) {
      const ageMs = now - at;
      if (ageMs > FORGOTTEN_AFTER_MS) {
        this.#heardAt.delete(instance);
        continue;
      }
      oldestMs = Math.max(oldestMs, ageMs);
      if (ageMs > WORKER_GONE_AFTER_MS) stale += 1;
      else fresh += 1;
    }
    metrics.workers.set({ state: 'fresh' }, fresh);
    metrics.workers.set({ state: 'stale' }, stale);
    metrics.heartbeatAge.set(oldestMs / 1_000);
  }
}
