import { Counter as LibraryCounter, type CounterConfiguration } from 'prom-client';
import { ByLabels, type LabelValues } from './by-labels.ts';

type Tell<Label extends string> = (labels?: LabelValues<Label> | number, value?: number) => void;

/** The library's, which hears of what was counted when it is asked: see `ByLabels` for why. */
export class Counter<Label extends string = string> extends LibraryCounter<Label> {
  readonly #series: ByLabels<CounterSeries>;
  readonly #tell: Tell<Label>;

  constructor(configuration: Omit<CounterConfiguration<Label>, 'collect'>) {
    super({ ...configuration, collect: () => this.#hand() });
    // The library gives each counter an `inc` of its own.
    const tell = this.#tell = this.inc.bind(this) as Tell<Label>;
    this.#series = new ByLabels(configuration.labelNames ?? [], (labels) => new CounterSeries(labels, tell));
    this.inc = ((labels, value) => this.count(labels, value)) as Tell<Label> as typeof this.inc;
  }

  /** As `inc`, which each counter has for itself. */
  count(labels?: LabelValues<Label> | number, value?: number): void {
    if (typeof labels === 'object') this.#series.of(labels).add(value);
    else this.#tell(labels);
  }

  /** For whoever counts under the same labels often: they are looked up once. It is shown from the first count on. */
  series(labels: LabelValues<Label>): CounterSeries {
    return this.#series.of(labels);
  }

  #hand(): void {
    for (const series of this.#series.all) series.hand();
  }
}

/** What is counted under one set of labels. */
export class CounterSeries {
  readonly #labels: LabelValues;
  readonly #tell: Tell<string>;
  #waiting = 0;

  /** @param tell the library's */
  constructor(labels: LabelValues, tell: Tell<string>) {
    [this.#labels, this.#tell] = [labels, tell];
  }

  /** @throws {TypeError} for what is not a finite number, or below 0 */
  add(value = 1): void {
    // What adds nothing makes a series of 0, and what is no number is refused, by the library.
    if (value > 0 && value < Infinity) this.#waiting += value;
    else this.#tell(this.#labels, value);
  }

  /** Tells the library what it has not heard of yet. */
  hand(): void {
    if (this.#waiting > 0) this.#tell(this.#labels, this.#waiting);
    this.#waiting = 0;
  }
}
