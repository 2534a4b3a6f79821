import type { Histogram as LibraryHistogram, HistogramConfiguration, MetricValueWithName } from 'prom-client';
import { ByLabels, type LabelValues } from './by-labels.ts';

interface Exemplar {
  labelSet: Readonly<Record<string, string>>;
  value: number;
  /** Unix time, s. */
  timestamp: number;
}

/** What was observed under one set of labels; by bucket, and at last what is above all of them. */
interface Series {
  labels: LabelValues;
  counts: number[];
  sum: number;
  exemplars: (Exemplar | undefined)[];
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
  readonly #bounds: readonly number[];
  readonly #series: ByLabels<Series>;

  constructor({ name, help, labelNames = [], buckets = [], registers = [] }: Omit<HistogramConfiguration<Label>, 'collect' | 'enableExemplars'>) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    this.#bounds = buckets;
    const counts = new Array<number>(buckets.length + 1).fill(0);
    this.#series = new ByLabels(labelNames, (labels) => ({ labels, counts: [...counts], sum: 0, exemplars: [] }));
    for (const registry of registers) registry.registerMetric(this as unknown as LibraryHistogram);
  }

  /** @throws {TypeError} for what is not a finite number */
  observe(observation: Observation<Label>): void;
  observe(labels: LabelValues<Label>, value: number): void;
  observe(first: Observation<Label> | LabelValues<Label>, value?: number): void {
    if (value !== undefined) return this.#observe(first as LabelValues<Label>, value, undefined);
    const { labels, value: observed, exemplarLabels } = first as Observation<Label>;
    this.#observe(labels, observed, exemplarLabels);
  }

  /** What the library's registries ask for. */
  get(): Promise<Exposed> {
    const { name, help, type } = this;
    return Promise.resolve({ name, help, type, values: this.#series.all.flatMap((series) => this.#valuesOf(series)), aggregator: 'sum' });
  }

  #observe(labels: LabelValues, value: number, exemplarLabels: Observation<Label>['exemplarLabels']): void {
    if (!Number.isFinite(value)) throw new TypeError(`${this.name}: ${value} cannot be observed; only finite numbers can`);
    const series = this.#series.of(labels);
    let bucket = 0;
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket += 1;
    series.counts[bucket]! += 1;
    series.sum += value;
    if (exemplarLabels !== undefined) series.exemplars[bucket] = { labelSet: exemplarLabels, value, timestamp: Date.now() / 1_000 };
  }

  /** Cumulative, as the formats want it. */
  #valuesOf({ labels, counts, sum, exemplars }: Series): Value[] {
    let count = 0;
    const buckets = counts.map((more, index): Value => {
      count += more;
      const exemplar = exemplars[index];
      return {
        labels: { le: this.#bounds[index] ?? '+Inf', ...labels }, value: count, metricName: `${this.name}_bucket`,
        ...(exemplar === undefined ? {} : { exemplar }),
      };
    });
    return [...buckets, { labels, value: sum, metricName: `${this.name}_sum` }, { labels, value: count, metricName: `${this.name}_count` }];
  }
}
