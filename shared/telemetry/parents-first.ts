/** A span of this process that has not been let out yet. */
export interface PendingSpan {
  /** It has ended: lets it out, and what waits for it, as soon as its parent is. */
  ended(letOut: () => void): void;
  /** One below it that nobody else finds by its id. */
  child(): PendingSpan;
}

const SWEEP_FROM = 1_024;

/**
 * Lets no span out before its parent, where both are of this process. Children end first, so a process that is killed between their export
 * and their parent's would leave them without one; so it leaves a trace out from some span on, and whoever gets the record again exports
 * that part anew.
 */
export class ParentsFirst {
  /** By span id. Not held on to: a span that nobody can end any more, as where a partition was lost, goes with what waits for it. */
  readonly #pending = new Map<string, WeakRef<Pending>>();
  #sweepAt = SWEEP_FROM;

  /** @param parentId of a parent that may be of another process, and then has nothing to wait for */
  begin(spanId: string, parentId: string | undefined): PendingSpan {
    const parent = parentId === undefined ? undefined : this.#pending.get(parentId)?.deref();
    const pending = new Pending(parent, () => {
      if (this.#pending.get(spanId)?.deref() === pending) this.#pending.delete(spanId);
    });
    this.#pending.set(spanId, new WeakRef(pending));
    if (this.#pending.size > this.#sweepAt) this.#sweep();
    return pending;
  }

  /** Spans that have begun and not been let out. */
  get size(): number {
    return this.#pending.size;
  }

  /** Each time that there are twice as many as were left: a finalization registry would cost more for each span. */
  #sweep(): void {
    for (const [spanId, span] of this.#pending) if (span.deref() === undefined) this.#pending.delete(spanId);
    this.#sweepAt = Math.max(SWEEP_FROM, 2 * this.#pending.size);
  }
}

class Pending implements PendingSpan {
  #parent: Pending | undefined;
  readonly #onOut: (() => void) | undefined;
  #waiting: (() => void)[] = [];
  #isOut = false;

  constructor(parent: Pending | undefined, onOut?: () => void) {
    this.#parent = parent;
    this.#onOut = onOut;
  }

  child(): PendingSpan {
    return new Pending(this);
  }

  ended(letOut: () => void): void {
    const parent = this.#parent;
    this.#parent = undefined;
    if (parent === undefined || parent.#isOut) this.#letOut(letOut);
    else parent.#waiting.push(() => this.#letOut(letOut));
  }

  #letOut(letOut: () => void): void {
    if (this.#isOut) return;
    this.#isOut = true;
    this.#onOut?.();
    letOut();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const next of waiting) next();
  }
}
