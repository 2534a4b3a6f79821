const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
export type Weekday = (typeof DAYS)[number];

export interface TimeOfDay {
  /** Since midnight. */
  minutes: number;
  day: Weekday;
}

const MINUTE_MS = 60_000;
const QUARTER_MS = 15 * MINUTE_MS;
const DAY_MINUTES = 1_440;

/** Zones change their distance to UTC at full quarters of an hour at most. */
class Zone {
  readonly #format: Intl.DateTimeFormat;
  #quarter = NaN;
  #offsetMinutes = 0;

  constructor(timeZone: string) {
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' });
  }

  offsetMinutes(at: number): number {
    const quarter = Math.floor(at / QUARTER_MS);
    if (quarter !== this.#quarter) {
      this.#quarter = quarter;
      this.#offsetMinutes = this.#compute(quarter * QUARTER_MS);
    }
    return this.#offsetMinutes;
  }

  #compute(at: number): number {
    const parts = new Map(this.#format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? 0;
    const local = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'));
    return Math.round((local - at) / MINUTE_MS);
  }
}

const zones = new Map<string, Zone>();

/** False: there is no such time zone. */
export function isTimeZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone }) !== undefined;
  } catch {
    return false;
  }
}

/**
 * What a clock on the wall shows.
 * @param at epoch ms
 * @throws {RangeError} there is no such time zone
 */
export function timeOfDay(at: number, timeZone: string): TimeOfDay {
  const zone = zones.get(timeZone) ?? new Zone(timeZone);
  zones.set(timeZone, zone);
  const local = Math.floor(at / MINUTE_MS) + zone.offsetMinutes(at);
  const days = Math.floor(local / DAY_MINUTES);
  // The first day of the epoch was a Thursday.
  return { minutes: local - days * DAY_MINUTES, day: DAYS[(((days + 4) % 7) + 7) % 7]! };
}
