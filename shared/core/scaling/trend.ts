/** Fewer points say nothing of a trend. */
const FEWEST_POINTS = 20;
/** Of what the points vary, a straight line has to explain this share (R²): else it is noise. */
const LEAST_EXPLAINED = 0.5;
/** A trend is not believed to more than multiply the load by this before the next look. */
const MOST_GROWTH = 2;

interface Point {
  at: number;
  value: number;
}

/** Where a value is going, by a straight line through its recent past (least squares), if it goes anywhere. */
export class Trend {
  readonly #windowMs: number;
  readonly #points: Point[] = [];

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  add(at: number, value: number): void {
    this.#points.push({ at, value });
    while (this.#points.length > 0 && this.#points[0]!.at < at - this.#windowMs) this.#points.shift();
  }

  /** What it will be in so long; undefined: it does not rise, or nobody can tell. */
  risesTo(aheadMs: number): number | undefined {
    const last = this.#points.at(-1);
    if (last === undefined || this.#points.length < FEWEST_POINTS) return undefined;
    const { slope, mean, meanAt, explained } = line(this.#points);
    if (slope <= 0 || explained < LEAST_EXPLAINED) return undefined;
    // Where a rise has ended, the line goes on above all that has come: what it would be by now is known.
    const highest = this.#points.reduce((most, { value }) => Math.max(most, value), 0);
    const predicted = Math.min(mean + slope * (last.at + aheadMs - meanAt), highest + slope * aheadMs);
    return predicted <= last.value ? undefined : Math.min(predicted, MOST_GROWTH * Math.max(last.value, mean));
  }
}

function line(points: readonly Point[]): { slope: number; mean: number; meanAt: number; explained: number } {
  const count = points.length;
  const meanAt = points.reduce((sum, { at }) => sum + at, 0) / count;
  const mean = points.reduce((sum, { value }) => sum + value, 0) / count;
  let [covariance, spread, variance] = [0, 0, 0];
  for (const { at, value } of points) {
    covariance += (at - meanAt) * (value - mean);
    spread += (at - meanAt) ** 2;
    variance += (value - mean) ** 2;
  }
  if (spread === 0 || variance === 0) return { slope: 0, mean, meanAt, explained: 0 };
  return { slope: covariance / spread, mean, meanAt, explained: covariance ** 2 / (spread * variance) };
}
