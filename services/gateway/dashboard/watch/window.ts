import { build, type Histogram } from 'hdr-histogram-js';

const HIGHEST_MS = 600_000;
const UNITS_PER_MS = 100;

function histogram(): Histogram {
  return build({ lowestDiscernibleValue: 1, highestTrackableValue: HIGHEST_MS * UNITS_PER_MS, numberOfSignificantValueDigits: 2, autoResize: true });
}

/** Times of one second, or of several together: two significant digits, from 10 µs to 10 minutes. */
export class Times {
  readonly #histogram = histogram();

  add(ms: number): void {
    this.#histogram.recordValue(Math.min(HIGHEST_MS * UNITS_PER_MS, Math.max(0, Math.round(ms * UNITS_PER_MS))));
  }

  merge(other: Times): void {
    this.#histogram.add(other.#histogram);
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** @param percent 0..100 @returns ms */
  at(percent: number): number {
    return this.#histogram.getValueAtPercentile(percent) / UNITS_PER_MS;
  }
}

/** What happened in each of the last seconds, the newest last. */
export class Seconds<Second> {
  readonly #length: number;
  readonly #create: () => Second;
  #seconds: Second[];

  constructor(length: number, create: () => Second) {
    this.#length = length;
    this.#create = create;
    this.#seconds = [create()];
  }

  get current(): Second {
    return this.#seconds.at(-1)!;
  }

  /** Those that are over. */
  get past(): readonly Second[] {
    return this.#seconds.slice(0, -1);
  }

  /** The current second is over. */
  next(): void {
    this.#seconds.push(this.#create());
    if (this.#seconds.length > this.#length + 1) this.#seconds.shift();
  }
}
