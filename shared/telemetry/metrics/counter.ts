import { Counter as LibraryCounter, type CounterConfiguration } from 'prom-client';
import { ByLabels, type LabelValues } from './by-labels.ts';

/** The library's, which hears of what was counted when it is asked: see `ByLabels` for why. */
export class Counter<Label extends string = string> extends LibraryCounter<Label> {
  constructor(configuration: Omit<CounterConfiguration<Label>, 'collect'>) {
    const counts = new ByLabels(configuration.labelNames ?? [], (labels) => ({ labels: labels, waiting: 0 }));
    super({
      ...configuration,
      collect: () => {
        for (const count of counts.all) {
          if (count.waiting > 0) tell(count.labels, count.waiting);
          count.waiting = 0;
        }
      },
    });
    // The library gives each counter an `inc` of its own.
    const tell = this.inc.bind(this) as (labels?: LabelValues<Label> | number, value?: number) => void;
    const count = (labels?: LabelValues<Label> | number, value = 1): void => {
      // What adds nothing makes a series of 0, and what is no number is refused, by the library.
      if (typeof labels === 'object' && value > 0 && value < Infinity) counts.of(labels).waiting += value;
      else if (typeof labels === 'object') tell(labels, value);
      else tell(labels);
    };
    this.inc = count as typeof this.inc;
  }
}
