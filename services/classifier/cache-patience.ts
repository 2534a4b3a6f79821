import type { Clock } from '@tandem/shared/clock';
import { TandemError } from '@tandem/shared/errors';

/** Of the time until the deadline: this much may go into one question to the cache. */
const SHARE = 0.5;
/** Longest wait while the last question found no answer. */
const SUSPECT_WAIT_MS = 50;

/**
 * How long a request waits for the cache. A cache that answers is given a share of the request's deadline, since a busy
 * machine is late with everything; one that did not answer the last time is given little until it answers again.
 */
export class CachePatience {
  readonly #clock: Clock;
  #suspect = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param deadlineAt epoch ms; null: none, and only the cache's own bound counts
   * @throws what the question throws; {TandemError} `cache_unavailable` (retryable) for one that took too long
   */
  async ask<Answer>(deadlineAt: number | null, question: () => Promise<Answer>): Promise<Answer> {
    const answer = question();
    answer.then(
      () => this.#suspected(false),
      () => this.#suspected(true),
    );
    const waitMs = this.#waitMs(deadlineAt);
    return waitMs === Infinity ? answer : this.#within(waitMs, answer);
  }

  #waitMs(deadlineAt: number | null): number {
    const shareMs = deadlineAt === null ? Infinity : Math.max(1, (deadlineAt - this.#clock.now()) * SHARE);
    return this.#suspect ? Math.min(shareMs, SUSPECT_WAIT_MS) : shareMs;
  }

  async #within<Answer>(waitMs: number, answer: Promise<Answer>): Promise<Answer> {
    const late = Promise.withResolvers<never>();
    const cancel = this.#clock.schedule(this.#clock.now() + waitMs, () => {
      this.#suspected(true);
      late.reject(new TandemError(`the cache has not answered within ${Math.round(waitMs)} ms`, { code: 'cache_unavailable', retryable: true }));
    });
    try {
      return await Promise.race([answer, late.promise]);
    } finally {
      cancel();
    }
  }

  #suspected(suspect: boolean): void {
    this.#suspect = suspect;
  }
}
