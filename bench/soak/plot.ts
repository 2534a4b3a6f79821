import { lineCharts, type Series } from '@tandem/shared/chart';
import type { Sample, SoakReport } from './soak.ts';

function seriesOf(samples: readonly Sample[], values: (sample: Sample) => Record<string, number>): Series[] {
  return Object.keys(samples[0] === undefined ? {} : values(samples[0])).map((name) => ({
    name, points: samples.map((sample) => [round(sample.minute), values(sample)[name] ?? 0]),
  }));
}

const round = (minute: number) => Math.round(minute * 100) / 100;

/** Memory, lag and latency over time. */
export function soakPlot({ minutes, ratePerSecond, samples }: SoakReport): string {
  return lineCharts(`${minutes} minutes at ${Math.round(ratePerSecond)} requests/s`, [
    { title: 'Resident memory of each process', xName: 'minutes', yName: 'MiB', series: seriesOf(samples, ({ residentMiB }) => residentMiB) },
    { title: 'Records behind the committed offset, by consumer group', xName: 'minutes', yName: 'records', series: seriesOf(samples, ({ lag }) => lag) },
    { title: 'Latency, from the append of a request until its answer was made', xName: 'minutes', yName: 'ms', series: seriesOf(samples, ({ p50Ms, p99Ms }) => ({ p50: p50Ms, p99: p99Ms })) },
  ]);
}
