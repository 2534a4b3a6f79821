import type { Clock } from '@tandem/shared/clock';
import type { Logger } from '@tandem/shared/telemetry';

const INTERVAL_MS = 10_000;

/** Logs a repeated warning once per interval, with how often it happened since. */
export class OccasionalWarning {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #message: string;
  #nextAt = -Infinity;
  #count = 0;

  constructor(logger: Logger, clock: Clock, message: string) {
    this.#logger = logger;
    this.#clock = clock;
    this.#message = message;
  }

  warn(error: unknown): void {
    this.#count += 1;
    const now = this.#clock.now();
    if (now < this.#nextAt) return;
    this.#logger.warn({ err: error, times: this.#count }, this.#message);
    this.#count = 0;
    this.#nextAt = now + INTERVAL_MS;
  }
}
