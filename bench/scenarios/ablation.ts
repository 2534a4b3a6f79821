import type { Bench, Findings, Scenario, Table } from '../harness/bench.ts';
import { number, points, share, spread } from '../harness/format.ts';
import { tandemContender } from '../harness/tandem-contender.ts';
import type { Contender } from '../harness/contender.ts';
import { workloadFolder } from './capabilities.ts';
import type { LadderRow } from './ladder-row.ts';
import { measureRows } from './measure-rows.ts';

/** The steps of the ladder, each of which can be left out by itself. */
export const STEPS = ['the small model', 'INT8', 'batches', 'KV cache', 'result cache', 'chaining'] as const;
export type Step = (typeof STEPS)[number];

/** The row that all others lack one step of. */
export const ALL = 'all steps';
export const lessName = (step: Step) => `less ${step}`;

const DESCRIPTIONS: Readonly<Record<Step, string>> = {
  'the small model': 'the large model alone, listing from the whole catalogue',
  INT8: 'both models at fp32',
  batches: 'one request for each inference (--max-batch-size 1)',
  'KV cache': 'whole histories are computed each time (--prefix-cache-mb 0)',
  'result cache': 'nothing that was computed before is answered again',
  chaining: 'a process and a topic between all stages (--chain none)',
};
const PREFIX_CACHE_MB = '512';

/** Flags of `tandem cluster` with all steps but one. @param workloads folder whose workload allows answers from the result cache */
export function flagsWithout(left: Step | undefined, workloads: string): string[] {
  const has = (step: Step) => step !== left;
  const precision = has('INT8') ? 'int8' : 'fp32';
  const models = has('the small model') ? ['recommend-small', 'recommend-large'] : ['recommend-large'];
  return [
    '--policy', 'fixed', '--precision', precision, '--variants', models.map((model) => `${model}.${precision}`).join(','),
    '--prefix-cache-mb', has('KV cache') ? PREFIX_CACHE_MB : '0', '--chain', has('chaining') ? 'all' : 'none',
    ...(has('result cache') ? ['--workloads', workloads] : []), ...(has('batches') ? [] : ['--max-batch-size', '1']),
  ];
}

function contenders(folder: string): Contender[] {
  const workloads = workloadFolder(folder, 'fresh', { freshness: '5 minutes' });
  const one = (left: Step | undefined) => tandemContender({
    name: left === undefined ? ALL : lessName(left),
    description: left === undefined ? 'small → large at int8 in batches, both caches, all stages in one process' : DESCRIPTIONS[left],
    task: left === 'the small model' ? 'fine' : 'full', flags: flagsWithout(left, workloads),
  });
  return [one(undefined), ...STEPS.map(one)];
}

export interface Worth {
  step: Step;
  /** Goodput of all steps ÷ goodput without this one. */
  goodput: number;
  /** CPU time of a request without this one, broker included, ÷ that with all steps. */
  cpu: number;
  /** Share of right answers that the step costs; positive is worse with it. */
  hitRateLost: number;
  hitRateLostError: number;
}

/** What each step gives on top of all others; those that were not measured are left out. @param rows of which `hitRateLost` is against all steps */
export function worthOf(rows: readonly LadderRow[]): Worth[] {
  const all = rows.find(({ name }) => name === ALL);
  return STEPS.flatMap((step) => {
    const less = rows.find(({ name }) => name === lessName(step));
    if (all === undefined || less === undefined) return [];
    return [{
      step, goodput: all.goodputPerSecond / less.goodputPerSecond, cpu: less.cpuSecondsPer1000WithBroker / all.cpuSecondsPer1000WithBroker,
      hitRateLost: -less.hitRateLost, hitRateLostError: less.hitRateLostError,
    }];
  });
}

function rowTable(rows: readonly LadderRow[]): Table {
  return {
    head: ['', 'goodput /s', 'p50 ms', 'p99 ms', 'HR@10', 'CPU-s per 1,000', 'with broker'],
    rows: rows.map((row) => (row.failure === undefined
      ? [row.name, spread(row.goodput), number(row.p50Ms), number(row.p99Ms), share(row.hitRateAt10), number(row.cpuSecondsPer1000), number(row.cpuSecondsPer1000WithBroker)]
      : [row.name, `not measured: ${row.failure.split('\n')[0]?.slice(0, 160)}`, '', '', '', '', ''])),
  };
}

function worthTable(worths: readonly Worth[]): Table {
  return {
    head: ['what the step gives on top of all others', '× goodput', '× less CPU', 'points of HR@10 lost by it'],
    rows: worths.map(({ step, goodput, cpu, hitRateLost, hitRateLostError }) => [
      step, number(goodput), number(cpu), points(hitRateLost, hitRateLostError),
    ]),
  };
}

async function run(bench: Bench): Promise<Findings> {
  const { rows } = await measureRows(bench, contenders(bench.folder), ALL);
  const worths = worthOf(rows.filter(({ failure }) => failure === undefined));
  return {
    data: rows, more: { ablationWorth: worths },
    notes: [
      'All steps of the ladder, and the same less one of them at a time: what each gives does not depend on the order in which the ladder adds them, and the factors do not multiply to the whole.',
      ...rows.map(({ name, description }) => `- **${name}**: ${description}`),
    ],
    tables: [rowTable(rows), worthTable(worths)],
    plots: [],
  };
}

export const ablation: Scenario = { name: 'ablation', description: 'all steps of the ladder, less one at a time: what each gives on top of all others', run };
