import FlatQueue from 'flatqueue';
import type { Clock } from '@tandem/shared/clock';

/** Virtual time: it jumps from event to event, earliest first. Events at the same moment come in an order that depends on nothing else. */
export class EventLoop implements Clock {
  readonly #queue = new FlatQueue<() => void>();
  #now = 0;
  #events = 0;

  /** ms */
  now(): number {
    return this.#now;
  }

  /** Events that have happened. */
  get events(): number {
    return this.#events;
  }

  /** Calls back once; a time that has passed means now. */
  at(ms: number, callback: () => void): void {
    this.#queue.push(callback, ms > this.#now ? ms : this.#now);
  }

  /** The same, and may be taken back. */
  schedule(at: number, callback: () => void): () => void {
    let cancelled = false;
    this.at(at, () => {
      if (!cancelled) callback();
    });
    return () => {
      cancelled = true;
    };
  }

  /** Until nothing is left to happen before a time. */
  run(untilMs = Infinity): void {
    for (let at = this.#queue.peekValue(); at !== undefined && at <= untilMs; at = this.#queue.peekValue()) {
      this.#now = at;
      this.#events += 1;
      this.#queue.pop()!();
    }
  }
}
