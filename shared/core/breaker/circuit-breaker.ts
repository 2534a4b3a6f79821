/** Uniform in [0, 1). */
type Random = () => number;

export interface BreakerOptions {
  /** Batches in a row in which nothing succeeded. @default 5 */
  failuresToOpen?: number;
  /** @default 1000 */
  firstOpenMs?: number;
  /** @default 30000 */
  longestOpenMs?: number;
  random: Random;
}

export type BreakerState = 'closed' | 'open' | 'half_open';

/** A batch that may run; how it ended is reported with it. */
export interface BreakerPermit {
  readonly generation: number;
  readonly isProbe: boolean;
}

/** Of the open time: so much is drawn by lot, so that many breakers do not try again at once. */
const JITTER = 0.25;

/**
 * Takes something out of service after repeated failures (M. Nygard, Release It!, "Circuit Breaker"): closed → open
 * after N failures in a row → half open after a time that doubles with each failed probe, and then lets one batch try.
 * Pure: time and randomness come in.
 */
export class CircuitBreaker {
  readonly #options: Required<BreakerOptions>;
  #failures = 0;
  /** Openings in a row without a success between them. */
  #openings = 0;
  #openUntil: number | undefined;
  #probing = false;
  /** Grows with every opening and closing: what began before is no longer asked how it ended. */
  #generation = 0;

  constructor(options: BreakerOptions) {
    this.#options = { failuresToOpen: 5, firstOpenMs: 1_000, longestOpenMs: 30_000, ...options };
  }

  /** @param now epoch ms */
  state(now: number): BreakerState {
    if (this.#openUntil === undefined) return 'closed';
    return now < this.#openUntil ? 'open' : 'half_open';
  }

  /** Whether a batch that begins now would get a permit. */
  admits(now: number): boolean {
    return this.state(now) === 'closed' || (this.state(now) === 'half_open' && !this.#probing);
  }

  /** Undefined: it must not run. A permit must be given back by one of succeeded, failed and withdrawn. */
  begin(now: number): BreakerPermit | undefined {
    if (!this.admits(now)) return undefined;
    const isProbe = this.state(now) === 'half_open';
    this.#probing ||= isProbe;
    return { generation: this.#generation, isProbe };
  }

  /** Something in the batch succeeded. */
  succeeded({ generation }: BreakerPermit): void {
    if (generation !== this.#generation) return;
    this.#failures = 0;
    if (this.#openUntil === undefined) return;
    this.#turn();
    this.#openings = 0;
    this.#openUntil = undefined;
  }

  /** Nothing in the batch succeeded. */
  failed({ generation, isProbe }: BreakerPermit, now: number): void {
    if (generation !== this.#generation) return;
    this.#failures += 1;
    if (isProbe || this.#failures >= this.#options.failuresToOpen) this.#open(now);
  }

  /** The batch ended without a verdict. */
  withdrawn({ generation, isProbe }: BreakerPermit): void {
    if (generation === this.#generation && isProbe) this.#probing = false;
  }

  #open(now: number): void {
    const { firstOpenMs, longestOpenMs, random } = this.#options;
    const fullMs = Math.min(longestOpenMs, firstOpenMs * 2 ** this.#openings);
    this.#openUntil = now + fullMs * (1 - JITTER * random());
    this.#openings += 1;
    this.#turn();
  }

  #turn(): void {
    this.#generation += 1;
    this.#failures = 0;
    this.#probing = false;
  }
}
