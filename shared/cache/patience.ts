import type { Clock } from '../clock/index.ts';
import { TandemError } from '../errors/index.ts';
import type { Cache } from './types.ts';

/** Of the time until the deadline: this much may go into one question to the cache. */
const SHARE = 0.5;
/** Longest wait while the last question found no answer. */
const SUSPECT_WAIT_MS = 50;

/**
 * How long a request waits for the cache. A cache that answers is given a share of the request's deadline, since a busy
 * machine is late with everything; one that is silent is given little until it answers again. (Measured with 2 cores and
 * 30 processes that wanted them, Redis well: p50 4 ms, p99 340 ms, p99.9 870 ms. A fixed bound of 500 ms called it away.)
 */
export class CachePatience {
  readonly #clock: Clock;
  readonly #isNeeded: boolean;
  #suspect = false;
  #answers = 0;

  /** @param cache one of this process answers in the same turn: no timer has to watch it (which took 3 KB a question) */
  constructor(clock: Clock, { shared }: Pick<Cache, 'shared'>) {
    this.#clock = clock;
    this.#isNeeded = shared;
  }

  /** The last question found no answer; who can do without one need not ask. */
  get isSuspect(): boolean {
    return this.#suspect;
  }

  /**
   * @param deadlineAt epoch ms; null: none, and only the cache's own bound counts
   * @throws what the question throws; {TandemError} `cache_unavailable` (retryable) for one that took too long
   */
  ask<Answer>(deadlineAt: number | null, question: () => Promise<Answer>): Promise<Answer> {
    return this.#isNeeded ? this.#askWatched(deadlineAt, question) : question();
  }

  async #askWatched<Answer>(deadlineAt: number | null, question: () => Promise<Answer>): Promise<Answer> {
    const waitMs = this.#waitMs(deadlineAt);
    const answer = question();
    answer.then(
      () => this.#answered(),
      () => {
        this.#suspect = true;
      },
    );
    return waitMs === Infinity ? answer : this.#within(waitMs, answer);
  }

  #waitMs(deadlineAt: number | null): number {
    const shareMs = deadlineAt === null ? Infinity : Math.max(1, (deadlineAt - this.#clock.now()) * SHARE);
    return this.#suspect ? Math.min(shareMs, SUSPECT_WAIT_MS) : shareMs;
  }

  async #within<Answer>(waitMs: number, answer: Promise<Answer>): Promise<Answer> {
    const late = Promise.withResolvers<never>();
    let answered = false;
    const answersBefore = this.#answers;
    const giveUp = () => {
      if (answered) return;
      // Answers to others say that it is slow, not silent.
      this.#suspect ||= this.#answers === answersBefore;
      late.reject(new TandemError(`the cache has not answered within ${Math.round(waitMs)} ms`, { code: 'cache_unavailable', retryable: true }));
    };
    // In a process that was late itself, the answer may lie in the socket: timers come before it is read.
    const cancel = this.#clock.schedule(this.#clock.now() + waitMs, () => setImmediate(giveUp));
    try {
      return await Promise.race([answer, late.promise]);
    } finally {
      answered = true;
      cancel();
    }
  }

  #answered(): void {
    this.#answers += 1;
    this.#suspect = false;
  }
}
