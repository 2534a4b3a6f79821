import { availableParallelism } from 'node:os';
import type { Bench, Findings, Scenario } from '../harness/bench.ts';
import type { Contender } from '../harness/contender.ts';
import { number, spread } from '../harness/format.ts';
import { measure } from '../harness/measure.ts';
import { inRounds } from '../harness/rounds.ts';
import { spreadOf } from '@tandem/shared/statistics';
import { tandemLarge } from './usual-contenders.ts';

/** One setting of Tandem at different values. */
interface Variation {
  /** Of the table's first column. */
  title: string;
  contenders: readonly Contender[];
  /** For the plot. */
  xName: string;
  xOf(contender: Contender): number;
}

async function vary(bench: Bench, { title, contenders, xName, xOf }: Variation): Promise<Findings> {
  const measured = await inRounds(bench, contenders, (contender) => measure(contender, bench), ({ search, steady }) => `${number(search.goodputPerSecond)}/s, p99 ${number(steady.p99Ms)} ms`);
  const data = measured.map(({ contender, results, failure }) => ({
    name: contender.name, failure,
    goodputPerSecond: spreadOf(results.map(({ search }) => search.goodputPerSecond)),
    p50Ms: spreadOf(results.map(({ steady }) => steady.p50Ms)), p99Ms: spreadOf(results.map(({ steady }) => steady.p99Ms)),
    cpuSecondsPer1000: spreadOf(results.map(({ cpuSecondsPer1000 }) => cpuSecondsPer1000.contender)),
  }));
  const points = (pick: (entry: (typeof data)[number]) => number) => data.flatMap((entry, index) => (entry.failure === undefined ? [[xOf(measured[index]!.contender), pick(entry)] as const] : []));
  return {
    data,
    notes: ['Latencies and CPU time at half of the goodput; the model is recommend-large.int8.'],
    tables: [{
      head: [title, 'goodput /s', 'p50 ms', 'p99 ms', 'CPU-s per 1,000'],
      rows: data.map(({ name, failure, ...row }) => (failure === undefined ? [name, spread(row.goodputPerSecond), spread(row.p50Ms), spread(row.p99Ms), spread(row.cpuSecondsPer1000)] : [name, failure.split('\n')[0] ?? '', '', '', ''])),
    }],
    plots: [{
      title,
      panels: [
        { title: 'Goodput', xName, yName: '/s', series: [{ name: 'goodput', points: points(({ goodputPerSecond }) => goodputPerSecond.median) }] },
        { title: 'Latency at half of it', xName, yName: 'ms', series: [{ name: 'p50', points: points(({ p50Ms }) => p50Ms.median) }, { name: 'p99', points: points(({ p99Ms }) => p99Ms.median) }] },
      ],
    }],
  };
}

function onCores(cores: number, workers: number): Contender {
  const list = Array.from({ length: cores }, (_, core) => core).join(',');
  return tandemLarge({
    name: `${cores} core${cores === 1 ? '' : 's'}, ${workers} worker${workers === 1 ? '' : 's'}`, launcher: ['taskset', '-c', list],
    more: ['--workers', String(workers), '--threads', String(Math.max(1, Math.floor(cores / workers)))],
  });
}

function scalingContenders(): Contender[] {
  const most = Math.min(2, availableParallelism());
  const cores = Array.from({ length: most }, (_, index) => onCores(index + 1, 1));
  return [...cores, ...[2, 3, 4].map((workers) => onCores(most, workers))];
}

/** Broker and load generator keep all cores: only Tandem is bound. */
export const scaling: Scenario = {
  name: 'scaling', description: '1 and 2 cores, 1 to 4 workers',
  run: (bench) => vary(bench, { title: 'Scaling', contenders: scalingContenders(), xName: 'workers', xOf: ({ name }) => Number(/(\d+) worker/.exec(name)?.[1]) }),
};

const SIZES = [1, 2, 4, 8, 16, 32, 64];
const QUICK_SIZES = [1, 8, 32];

export const batchSize: Scenario = {
  name: 'batch-size', description: 'largest batch against goodput and latency',
  run(bench) {
    const contenders = (bench.quick ? QUICK_SIZES : SIZES).map((size) => tandemLarge({ name: `at most ${size}`, more: ['--max-batch-size', String(size)] }));
    return vary(bench, { title: 'Batch size', contenders, xName: 'largest batch', xOf: ({ name }) => Number(/\d+/.exec(name)?.[0]) });
  },
};
