import type { Histogram as LibraryHistogram, HistogramConfiguration, MetricValueWithName } from 'prom-client';
import { ByLabels, type LabelValues } from './by-labels.ts';

interface Exemplar {
  labelSet: Readonly<Record<string, string>>;
  value: number;
  /** Unix time, s. */
  timestamp: number;
}

/** An observation, perhaps with what leads to its trace. */
export interface Observation<Label extends string> {
  labels: LabelValues<Label>;
  value: number;
  exemplarLabels?: Readonly<Record<string, string>>;
}

type Value = MetricValueWithName<string> & { exemplar?: Exemplar };

/** What the library's registries write. */
interface Exposed {
  name: string;
  help: string;
  type: 'histogram';
  values: Value[];
  aggregator: 'sum';
}

/** As the library's histogram, in its registries and formats, with series that are found at once: see `ByLabels`. */
export class Histogram<Label extends string = string> {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly labelNames: readonly Label[];
  readonly #series: ByLabels<HistogramSeries>;

  constructor({ name, help, labelNames = [], buckets = [], registers = [] }: Omit<HistogramConfiguration<Label>, 'collect' | 'enableExemplars'>) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    this.#series = new ByLabels(labelNames, (labels) => new HistogramSeries(name, labels, buckets));
    for (const registry of registers) registry.registerMetric(this as unknown as LibraryHistogram);
  }

  /** @throws {TypeError} for what is not a finite number */
  observe(observation: Observation<Label>): void;
  observe(labels: LabelValues<Label>, value: number): void;
  observe(first: Observation<Label> | LabelValues<Label>, value?: number): void {
    if (value !== undefined) return this.#series.of(first as LabelValues<Label>).observe(value);
    const { labels, value: observed, exemplarLabels } = first as Observation<Label>;
    this.#series.of(labels).observe(observed, exemplarLabels);
  }

  /** For whoever observes under the same labels often: they are looked up once. It is shown from the first observation on. */
  series(labels: LabelValues<Label>): HistogramSeries {
    return this.#series.of(labels);
  }

  /** What the library's registries ask for. */
  get(): Promise<Exposed> {
    const { name, help, type } = this;
    return Promise.resolve({ name, help, type, values: this.#series.all.flatMap((series) => series.values()), aggregator: 'sum' });
  }
}

/** What is observed under one set of labels; by bucket, and at last what is above all of them. */
export class HistogramSeries {
  readonly #name: string;
  readonly #labels: LabelValues;
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  readonly #exemplars: (Exemplar | undefined)[] = [];
  #sum = 0;

  constructor(name: string, labels: LabelValues, bounds: readonly number[]) {
    [this.#name, this.#labels, this.#bounds] = [name, labels, bounds];
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  /** @throws {TypeError} for what is not a finite number */
  observe(value: number, exemplarLabels?: Exemplar['labelSet']): void {
    if (!Number.isFinite(value)) throw new TypeError(`${this.#name}: ${value} cannot be observed; only finite numbers can`);
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket += 1;
    this.#counts[bucket]! += 1;
    this.#sum += value;
    if (exemplarLabels !== undefined) this.#exemplars[bucket] = { labelSet: exemplarLabels, value, timestamp: Date.now() / 1_000 };
  }

  /** Cumulative, as the formats want it; none before anything is observed. */
  values(): Value[] {
    const [name, labels] = [this.#name, this.#labels];
    let count = 0;
    const buckets = this.#counts.map((more, index): Value => {
      count += more;
      const exemplar = this.#exemplars[index];
      return {
        labels: { le: this.#bounds[index] ?? '+Inf', ...labels }, value: count, metricName: `${name}_bucket`,
        ...(exemplar === undefined ? {} : { exemplar }),
      };
    });
    if (count === 0) return [];
    return [...buckets, { labels, value: this.#sum, metricName: `${name}_sum` }, { labels, value: count, metricName: `${name}_count` }];
  }
}
