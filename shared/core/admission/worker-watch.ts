import { SmoothedRate } from './smoothed.ts';
import type { AdmissionHeartbeat } from './types.ts';

/** Little more than the time between heartbeats. */
const WINDOW_MS = 600;

interface Watched {
  at: number;
  cpuUse: number;
  backlog: number;
  lastCompleted: number;
  readonly completed: SmoothedRate;
  readonly growth: SmoothedRate;
  readonly interactive: SmoothedRate;
}

/** What all live workers have of bulk work, and get done of it. */
export interface BulkLoad {
  workers: number;
  /** Waiting. */
  backlog: number;
  /** Completed per second. */
  donePerSecond: number;
  /** Arriving at the workers per second. */
  arrivingPerSecond: number;
  /** Interactive work completed per second. */
  interactivePerSecond: number;
  /** Of the busiest machine, 0..1. */
  cpuUse: number;
}

/** Follows the workers by their heartbeats. */
export class WorkerWatch {
  readonly #staleAfterMs: number;
  readonly #workers = new Map<string, Watched>();

  constructor(staleAfterMs: number) {
    this.#staleAfterMs = staleAfterMs;
  }

  /** @param now by the receiver's clock: workers' clocks may be off */
  heard({ instance, variants, resources }: AdmissionHeartbeat, now: number): void {
    const completed = variants.reduce((sum, { bulkCompleted = 0 }) => sum + bulkCompleted, 0);
    const backlog = variants.reduce((sum, { bulkBacklog, queued }) => sum + (bulkBacklog ?? queued), 0);
    let known = this.#workers.get(instance);
    // A worker that began anew under the same name counts from zero again.
    if (known === undefined || completed < known.lastCompleted) {
      known = { at: now, cpuUse: 0, backlog, lastCompleted: completed, ...newRates() };
      this.#workers.set(instance, known);
    }
    known.completed.update(completed, now);
    known.growth.update(backlog, now);
    known.interactive.update(variants.reduce((sum, variant) => sum + variant.completed, -completed), now);
    Object.assign(known, { at: now, cpuUse: resources.cpuUse ?? 0, backlog, lastCompleted: completed });
  }

  gone(instance: string): void {
    this.#workers.delete(instance);
  }

  /** Undefined: no worker is known to live. */
  load(now: number): BulkLoad | undefined {
    const load: BulkLoad = { workers: 0, backlog: 0, donePerSecond: 0, arrivingPerSecond: 0, interactivePerSecond: 0, cpuUse: 0 };
    for (const [instance, { at, cpuUse, backlog, completed, growth, interactive }] of this.#workers) {
      if (now - at > this.#staleAfterMs) {
        this.#workers.delete(instance);
        continue;
      }
      load.workers += 1;
      load.backlog += backlog;
      load.donePerSecond += completed.perSecond;
      load.arrivingPerSecond += Math.max(0, completed.perSecond + growth.perSecond);
      load.interactivePerSecond += Math.max(0, interactive.perSecond);
      load.cpuUse = Math.max(load.cpuUse, cpuUse);
    }
    return load.workers === 0 ? undefined : load;
  }
}

function newRates(): Pick<Watched, 'completed' | 'growth' | 'interactive'> {
  return { completed: new SmoothedRate(WINDOW_MS), growth: new SmoothedRate(WINDOW_MS), interactive: new SmoothedRate(WINDOW_MS) };
}
