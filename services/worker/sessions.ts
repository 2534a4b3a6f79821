import type { Lane } from '@tandem/schemas';
import type { ServedVariant } from './served-variant.ts';

/** A batch that keeps a session, or waits for one. */
export interface RunningBatch {
  readonly served: ServedVariant;
  readonly lane: Lane;
  /** Predicted, epoch ms. */
  readonly endsAt: number;
  /** Since when a session is kept by it, as far as is not accounted for yet, epoch ms; undefined: it was formed ahead, and no session is free yet. */
  since: number | undefined;
}

export interface SessionsOptions {
  /** How many run at once. */
  count: number;
  /** They run work of this lane alone. @default both */
  lane?: Lane;
  /** Others go before them, by the operating system's priorities: how long they are kept says nothing of the work. @default false */
  background?: boolean;
}

/** Sessions of one kind, and the batches on them: as many as there are, and one that has been formed ahead. */
export class Sessions {
  readonly count: number;
  readonly lane: Lane | undefined;
  readonly background: boolean;
  readonly #running = new Set<RunningBatch>();

  constructor({ count, lane, background = false }: SessionsOptions) {
    this.count = count;
    this.lane = lane;
    this.background = background;
  }

  get running(): number {
    return this.#running.size;
  }

  get runningBulk(): number {
    let bulk = 0;
    for (const { lane } of this.#running) if (lane === 'bulk') bulk += 1;
    return bulk;
  }

  runs(served: ServedVariant): boolean {
    for (const running of this.#running) if (running.served === served) return true;
    return false;
  }

  /** When the next batch can begin, epoch ms. */
  freeAt(now: number): number {
    if (this.#running.size < this.count) return now;
    let firstEnd = Infinity;
    for (const { endsAt } of this.#running) firstEnd = Math.min(firstEnd, endsAt);
    return Math.max(now, firstEnd);
  }

  begin(batch: Omit<RunningBatch, 'since'>, now: number): RunningBatch {
    const running = { ...batch, since: this.#running.size < this.count ? now : undefined };
    this.#running.add(running);
    return running;
  }

  /** The session that it leaves goes to the batch that has been formed ahead. */
  end(running: RunningBatch, now: number): void {
    this.#running.delete(running);
    for (const next of this.#running) {
      if (next.since !== undefined) continue;
      next.since = now;
      return;
    }
  }

  /**
   * How long a session was kept, ms: besides the model's time what it takes until the caller's thread has the result, which under load is more than the model's. Predictions that
   * left it out would make batches too small, and too late.
   */
  kept(running: RunningBatch, computeMs: number, now: number): number {
    if (this.background) return computeMs;
    const keptMs = now - (running.since ?? now);
    running.since = now;
    return Math.max(computeMs, keptMs);
  }
}
