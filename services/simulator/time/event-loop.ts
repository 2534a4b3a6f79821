import FlatQueue from 'flatqueue';

/** What an event does, with what it was set for. @param now its time, ms */
export type Handler<First, Second> = (first: First, second: Second, now: number) => void;

/**
 * Virtual time: it jumps from event to event, earliest first. Events at the same moment come in an order that depends on nothing else.
 * A request is a dozen events, so they are no closures: handlers are made once, and what they are called with lies in places that are used again.
 */
export class EventLoop {
  /** Places, by time. */
  readonly #queue = new FlatQueue<number>();
  readonly #handlers: Handler<never, never>[] = [];
  readonly #firsts: unknown[] = [];
  readonly #seconds: unknown[] = [];
  readonly #free: number[] = [];
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

  /** Calls once; a time that has passed means now. */
  at<First, Second>(ms: number, handler: Handler<First, Second>, first: First, second: Second): void {
    const place = this.#free.pop() ?? this.#handlers.length;
    this.#handlers[place] = handler;
    this.#firsts[place] = first;
    this.#seconds[place] = second;
    this.#queue.push(place, ms > this.#now ? ms : this.#now);
  }

  /** Until nothing is left to happen before a time. */
  run(untilMs = Infinity): void {
    const queue = this.#queue;
    for (let at = queue.peekValue(); at !== undefined && at <= untilMs; at = queue.peekValue()) {
      const place = queue.pop()!;
      const handler = this.#handlers[place]!;
      const first = this.#firsts[place];
      const second = this.#seconds[place];
      this.#free.push(place);
      this.#now = at;
      this.#events += 1;
      handler(first as never, second as never, at);
    }
  }
}
