import type { Clock } from '../clock/index.ts';
import type { Logger } from './logger.ts';

const DEFAULT_INTERVAL_MS = 10_000;

/** Logs a repeated warning once per interval, with how often it happened since. */
export class OccasionalWarning {
  readonly #logger: Logger;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #message: string;
  readonly #intervalMs: number;
  #nextAt = -Infinity;
  #count = 0;

  constructor(logger: Logger, clock: Pick<Clock, 'now'>, message: string, intervalMs = DEFAULT_INTERVAL_MS) {
    this.#logger = logger;
    this.#clock = clock;
    this.#message = message;
    this.#intervalMs = intervalMs;
  }

  warn(error: unknown): void {
    this.#count += 1;
    const now = this.#clock.now();
    if (now < this.#nextAt) return;
    this.#logger.warn({ err: error, times: this.#count }, this.#message);
    this.#count = 0;
    this.#nextAt = now + this.#intervalMs;
  }
}
