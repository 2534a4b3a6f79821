import { Counter as LibraryCounter, type CounterConfiguration } from 'prom-client';
import { ByLabels, type LabelValues } from './by-labels.ts';

type Tell<Label extends string> = (labels?: LabelValues<Label> | number, value?: number) => void;

/** The library's, which hears of what was counted when it is asked: see `ByLabels` for why. */
export class Counter<Label extends string = string> extends LibraryCounter<Label> {
  readonly #waiting: ByLabels<{ labels: LabelValues; count: number }>;
  readonly #tell: Tell<Label>;

  constructor(configuration: Omit<CounterConfiguration<Label>, 'collect'>) {
    super({ ...configuration, collect: () => this.#hand() });
    this.#waiting = new ByLabels(configuration.labelNames ?? [], (labels) => ({ labels, count: 0 }));
    // The library gives each counter an `inc` of its own.
    this.#tell = this.inc.bind(this) as Tell<Label>;
    this.inc = ((labels, value) => this.count(labels, value)) as Tell<Label> as typeof this.inc;
  }

  /** As `inc`, which each counter has for itself. */
  count(labels?: LabelValues<Label> | number, value = 1): void {
    // What adds nothing makes a series of 0, and what is no number is refused, by the library.
    if (typeof labels === 'object' && value > 0 && value < Infinity) this.#waiting.of(labels).count += value;
    else if (typeof labels === 'object') this.#tell(labels, value);
    else this.#tell(labels);
  }

  #hand(): void {
    for (const waiting of this.#waiting.all) {
      if (waiting.count > 0) this.#tell(waiting.labels, waiting.count);
      waiting.count = 0;
    }
  }
}
