import { build, type Histogram } from 'hdr-histogram-js';

const HIGHEST_US = 600_000_000;
const US_PER_MS = 1_000;

/** Latencies in a high-dynamic-range histogram: three significant digits, up to ten minutes. */
export class Latencies {
  readonly #histogram: Histogram = build({ lowestDiscernibleValue: 1, highestTrackableValue: HIGHEST_US, numberOfSignificantValueDigits: 3 });

  add(latencyMs: number): void {
    this.#histogram.recordValue(Math.min(HIGHEST_US, Math.max(0, Math.round(latencyMs * US_PER_MS))));
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** Milliseconds; NaN where there are none. */
  percentile(percent: number): number {
    return this.count === 0 ? NaN : this.#histogram.getValueAtPercentile(percent) / US_PER_MS;
  }
}
