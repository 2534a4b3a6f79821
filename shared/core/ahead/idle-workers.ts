import type { Heartbeat } from '@tandem/schemas';
import { WORKER_GONE_AFTER_MS } from '../heartbeat/worker-gone.ts';

export interface IdleRules {
  /** Of any worker's machine, 0..1: above it nothing is idle. */
  maxCpuUse: number;
  /** A worker without a heartbeat for so long is gone, ms. @default 3000 */
  staleAfterMs?: number;
}

interface Heard {
  at: number;
  isIdle: boolean;
  completed: number;
}

/** Whether workers have nothing to do, by their heartbeats. Pure: time comes in, by the receiver's clock. */
export class IdleWorkers {
  readonly #rules: Required<IdleRules>;
  readonly #workers = new Map<string, Heard>();

  constructor(rules: IdleRules) {
    this.#rules = { staleAfterMs: WORKER_GONE_AFTER_MS, ...rules };
  }

  /** True: it is a new one, or has begun anew, and remembers nothing. */
  heard({ instance, variants, resources, drained }: Pick<Heartbeat, 'instance' | 'variants' | 'resources' | 'drained'>, now: number): boolean {
    const waiting = variants.reduce((sum, { queued, bulkBacklog = 0 }) => sum + Math.max(queued, bulkBacklog), 0);
    const completed = variants.reduce((sum, variant) => sum + variant.completed, 0);
    const before = this.#workers.get(instance);
    const isIdle = drained === true || (waiting === 0 && (resources.cpuUse ?? 0) <= this.#rules.maxCpuUse);
    this.#workers.set(instance, { at: now, isIdle, completed });
    return before === undefined || completed < before.completed;
  }

  gone(instance: string): void {
    this.#workers.delete(instance);
  }

  /** There is a worker, and none has anything to do that cannot be done at once. */
  isIdle(now: number): boolean {
    let idle = 0;
    for (const [instance, { at, isIdle }] of this.#workers) {
      if (now - at > this.#rules.staleAfterMs) this.#workers.delete(instance);
      else if (!isIdle) return false;
      else idle += 1;
    }
    return idle > 0;
  }
}
