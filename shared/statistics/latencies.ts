import { build, type Histogram } from 'hdr-histogram-js';

const HIGHEST_US = 3_600_000_000;
const US_PER_MS = 1_000;

/** Any number of latencies in bounded memory: a high-dynamic-range histogram of three significant digits, from a microsecond to an hour. */
export class Latencies {
  readonly #histogram: Histogram = build({ lowestDiscernibleValue: 1, highestTrackableValue: HIGHEST_US, numberOfSignificantValueDigits: 3 });

  add(latencyMs: number): void {
    this.#histogram.recordValue(Math.min(HIGHEST_US, Math.max(0, Math.round(latencyMs * US_PER_MS))));
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /**
   * The value that so many per cent are not above, to three digits.
   * @param percent 0 to 100
   * @param none what it is of no latencies
   * @returns milliseconds
   */
  percentile(percent: number, none = NaN): number {
    return this.count === 0 ? none : this.#histogram.getValueAtPercentile(percent) / US_PER_MS;
  }
}
