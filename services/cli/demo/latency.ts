import { build, type Histogram } from 'hdr-histogram-js';

const HIGHEST_US = 3_600_000_000;

export interface LatencyFigures {
  p50: number;
  p99: number;
}

/** Latencies to three significant digits, up to an hour. */
export class LatencyTally {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: 3,
  });

  add(latencyMs: number): void {
    this.#histogram.recordValue(Math.min(HIGHEST_US, Math.max(0, Math.round(latencyMs * 1_000))));
  }

  /** Milliseconds. */
  figures(): LatencyFigures {
    if (this.#histogram.totalCount === 0) return { p50: 0, p99: 0 };
    return { p50: this.#histogram.getValueAtPercentile(50) / 1_000, p99: this.#histogram.getValueAtPercentile(99) / 1_000 };
  }
}
