import type { EventLoop } from '../time/event-loop.ts';
import type { SimRequest } from './sim-request.ts';

/**
 * When requests of one kind have to be answered. Deadlines come in the order of arrival, so one event at a time is enough for all; most requests
 * are answered before theirs, and never become one.
 */
export class Deadlines {
  readonly #loop: EventLoop;
  readonly #marginMs: number;
  readonly #due: (request: SimRequest) => void;
  /** Undefined: through. A list that has become old keeps what it held also when it is left for a new one. */
  readonly #waiting: (SimRequest | undefined)[] = [];
  #first = 0;
  #isSet = false;

  /** @param due is called with requests that are sensed and not answered at their time */
  constructor(loop: EventLoop, marginMs: number, due: (request: SimRequest) => void) {
    this.#loop = loop;
    this.#marginMs = marginMs;
    this.#due = due;
  }

  add(request: SimRequest): void {
    if (request.task.deadlineAt === null) return;
    this.#waiting.push(request);
    if (!this.#isSet) this.#set(request);
  }

  readonly #look = (): void => {
    this.#isSet = false;
    for (; this.#first < this.#waiting.length; this.#first += 1) {
      const request = this.#waiting[this.#first]!;
      if (!request.answered && this.#atOf(request) > this.#loop.now()) return this.#set(request);
      this.#waiting[this.#first] = undefined;
      if (request.answered) continue;
      if (request.isSensed) this.#due(request);
    }
    this.#waiting.length = 0;
    this.#first = 0;
  };

  #set(request: SimRequest): void {
    this.#isSet = true;
    this.#forget();
    this.#loop.at(this.#atOf(request), this.#look, undefined, undefined);
  }

  #atOf({ task: { deadlineAt } }: SimRequest): number {
    return deadlineAt! - this.#marginMs;
  }

  /** What is through goes, now and then. */
  #forget(): void {
    if (this.#first < 1_024 || 2 * this.#first < this.#waiting.length) return;
    this.#waiting.splice(0, this.#first);
    this.#first = 0;
  }
}
