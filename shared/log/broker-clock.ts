import type { Clock } from '../clock/index.ts';

/** What an acknowledged write tells: the broker stamped it between these two moments of the local clock. Epoch ms. */
export interface ClockSample {
  sentAt: number;
  ackedAt: number;
  /** By the broker's clock. */
  logAppendTime: number;
}

/** The broker's clock minus the local one lies within `errorMs` of `offsetMs`. */
interface Estimate {
  offsetMs: number;
  errorMs: number;
  /** Local. */
  at: number;
}

const WINDOW_MS = 60_000;
/** A round trip older than that says nothing of the broker as it is now. */
const ROUND_TRIP_MAX_AGE_MS = 5_000;
/** Of a newer round trip in their mean. */
const ROUND_TRIP_WEIGHT = 0.2;
/** Both clocks are read in whole milliseconds. */
const RESOLUTION_MS = 1;

/**
 * The broker's clock, estimated from acknowledgements, with an error of half a round trip at most: of the samples of
 * the last minute the one with the shortest round trip counts (RFC 5905, section 10: NTP's clock filter). A sample that
 * contradicts it shows that a clock has been set, and starts the estimate anew. The brokers of a cluster count as one
 * clock.
 */
export class BrokerClock {
  readonly #base: Clock;
  /** Later ones have larger errors: those that a later and better one makes useless are gone. */
  #estimates: Estimate[] = [];
  /** A record from the future proves that the offset is at least this. */
  #floor: { offsetMs: number; at: number } | undefined;
  #roundTrip: { meanMs: number; at: number } | undefined;

  constructor(base: Clock) {
    this.#base = base;
  }

  /** Epoch ms, whole. The local clock until something is known. */
  now(): number {
    return Math.round(this.#base.now() + this.offsetMs);
  }

  /** Broker minus local. */
  get offsetMs(): number {
    const estimate = this.#estimates[0]?.offsetMs ?? 0;
    return this.#floor === undefined ? estimate : Math.max(estimate, this.#floor.offsetMs);
  }

  /** The local clock, for the times of a sample. */
  localNow(): number {
    return this.#base.now();
  }

  /** From a write until it is acknowledged, network and broker together, ms: moving mean. Undefined: nothing was written for 5 s. */
  get roundTripMs(): number | undefined {
    const { meanMs, at } = this.#roundTrip ?? { meanMs: 0, at: -Infinity };
    return Math.abs(this.#base.now() - at) <= ROUND_TRIP_MAX_AGE_MS ? meanMs : undefined;
  }

  /** Of a first attempt only: a repeated one may be answered with the time of the one before. */
  acknowledged({ sentAt, ackedAt, logAppendTime }: ClockSample): void {
    if (ackedAt < sentAt) return;
    const [lastMs, tookMs] = [this.roundTripMs, ackedAt - sentAt];
    this.#roundTrip = { meanMs: lastMs === undefined ? tookMs : lastMs + ROUND_TRIP_WEIGHT * (tookMs - lastMs), at: ackedAt };
    if (logAppendTime < 0) return;
    const estimate = { offsetMs: logAppendTime - (sentAt + ackedAt) / 2, errorMs: (ackedAt - sentAt) / 2 + RESOLUTION_MS, at: ackedAt };
    if (this.#estimates.some((known) => contradict(known, estimate))) this.#estimates = [];
    this.#forgetBefore(ackedAt - WINDOW_MS);
    if (this.#floor !== undefined && this.#floor.offsetMs > estimate.offsetMs + estimate.errorMs) this.#floor = undefined;
    while ((this.#estimates.at(-1)?.errorMs ?? 0) >= estimate.errorMs) this.#estimates.pop();
    this.#estimates.push(estimate);
  }

  /** A record with this append time has been read: the broker's clock is past it. */
  seen(appendTime: number): void {
    const at = this.#base.now();
    const offsetMs = appendTime - at - RESOLUTION_MS;
    if (offsetMs <= this.offsetMs) return;
    this.#floor = { offsetMs, at };
    this.#estimates = this.#estimates.filter((known) => known.offsetMs + known.errorMs >= offsetMs);
  }

  /** The last one stays, however old, until there is a better one. */
  #forgetBefore(at: number): void {
    // A local clock that was set back leaves samples from its future.
    this.#estimates = this.#estimates.filter((estimate) => estimate.at >= at && estimate.at <= at + 2 * WINDOW_MS);
    if (this.#floor !== undefined && this.#floor.at < at) this.#floor = undefined;
  }
}

function contradict(a: Estimate, b: Estimate): boolean {
  return Math.abs(a.offsetMs - b.offsetMs) > a.errorMs + b.errorMs;
}
