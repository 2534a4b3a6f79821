import type { Bench, Findings, Scenario, Table } from '../harness/bench.ts';
import { number, points, share, spread } from '../harness/format.ts';
import type { Measured } from '../harness/measure.ts';
import type { Rounds } from '../harness/rounds.ts';
import { BATCH_CONSUMERS, ladderContenders, ONE_BY_ONE, SAME_VARIANT } from './ladder-contenders.ts';
import type { LadderRow } from './ladder-row.ts';
import { measureRows } from './measure-rows.ts';

/** How much the rows give of the baselines. */
interface Ratio {
  name: string;
  againstOneByOne: number;
  againstBatchConsumer: number;
  /** Of the row before it. */
  step: number;
  hitRateLost: number;
}

/** The most of the rows of these names; NaN where none was measured. */
function bestOf(rows: readonly LadderRow[], names: readonly string[]): number {
  return rows.filter(({ name }) => names.includes(name)).reduce((best, { goodputPerSecond }) => (goodputPerSecond <= best ? best : goodputPerSecond), NaN);
}

export function ratiosOf(rows: readonly LadderRow[]): Ratio[] {
  const batches = bestOf(rows, BATCH_CONSUMERS);
  return rows.map(({ name, goodputPerSecond, hitRateLost }, index) => ({
    name, hitRateLost,
    againstOneByOne: goodputPerSecond / bestOf(rows, [ONE_BY_ONE]),
    againstBatchConsumer: goodputPerSecond / batches,
    step: goodputPerSecond / (rows[index - 1]?.goodputPerSecond ?? NaN),
  }));
}

function mainTable(rows: readonly LadderRow[], { fixedLoad }: Bench): Table {
  return {
    head: ['', 'goodput /s', 'p50 ms', 'p99 ms', 'HR@10', 'NDCG@10', 'CPU-s per 1,000', 'with broker', 'cost per 1,000', `cores for ${number(fixedLoad)}/s`],
    rows: rows.map((row) => (row.failure === undefined
      ? [row.name, spread(row.goodput), number(row.p50Ms), number(row.p99Ms), share(row.hitRateAt10), share(row.ndcgAt10), number(row.cpuSecondsPer1000),
        number(row.cpuSecondsPer1000WithBroker), number(row.costPer1000), number(row.coresForFixedLoad)]
      : [row.name, `not measured: ${row.failure.split('\n')[0]?.slice(0, 160)}`, ...new Array<string>(8).fill('')])),
  };
}

function ratioTable(rows: readonly LadderRow[]): Table {
  const known = ratiosOf(rows).filter(({ againstOneByOne }) => Number.isFinite(againstOneByOne));
  const error = new Map(rows.map(({ name, hitRateLostError }) => [name, hitRateLostError]));
  return {
    head: ['', '× one by one', '× best batch consumer', '× the row before', 'points of HR@10 lost'],
    rows: known.map((ratio) => [
      ratio.name, number(ratio.againstOneByOne), number(ratio.againstBatchConsumer), number(ratio.step),
      points(ratio.hitRateLost, error.get(ratio.name) ?? NaN),
    ]),
  };
}

/** What the systems are worth, models apart. */
export function sameVariantRatios(rows: readonly LadderRow[]): { name: string; againstBatchConsumer: number }[] {
  return SAME_VARIANT.flatMap(({ tandem, consumers }) => {
    const ratio = bestOf(rows, [tandem]) / bestOf(rows, consumers);
    return Number.isFinite(ratio) ? [{ name: tandem, againstBatchConsumer: ratio }] : [];
  });
}

function sameVariantTable(rows: readonly LadderRow[]): Table {
  return { head: ['one and the same variant', '× batch consumer'], rows: sameVariantRatios(rows).map(({ name, againstBatchConsumer }) => [name, number(againstBatchConsumer)]) };
}

function latencyPanel(measured: readonly Rounds<Measured>[]) {
  const series = measured.map(({ contender, results }) => ({
    name: contender.name,
    points: (results[0]?.search.probes ?? []).filter(({ figures }) => Number.isFinite(figures.p99Ms)).map(({ figures }) => [Math.round(figures.offeredPerSecond), figures.p99Ms] as const).sort(([a], [b]) => a - b),
  }));
  return { title: 'p99 against the offered rate', xName: 'requests/s', yName: 'ms', yScale: 'log' as const, series: series.filter(({ points }) => points.length > 0) };
}

async function run(bench: Bench): Promise<Findings> {
  const { measured, rows } = await measureRows(bench, ladderContenders(bench), ONE_BY_ONE);
  const measuredRows = rows.filter(({ failure }) => failure === undefined);
  return {
    data: rows,
    more: { ratios: ratiosOf(measuredRows), sameVariant: sameVariantRatios(measuredRows) },
    notes: [
      `Goodput: complete answers within ${bench.sloMs} ms of when the request was due, per second, at the highest rate at which 95 % of all offered were; ` +
      'latencies and CPU time at half of it. Each row has what the rows above it from "small → large" on have.',
      ...rows.map(({ name, description }) => `- **${name}**: ${description}`),
    ],
    tables: [mainTable(rows, bench), ratioTable(measuredRows), sameVariantTable(measuredRows)],
    plots: [{
      title: 'Ladder',
      panels: [
        { title: 'Goodput', xName: 'row', yName: '/s', series: measuredRows.map(({ name, goodputPerSecond }, index) => ({ name, as: 'bars' as const, points: [[index + 1, goodputPerSecond]] as const })) },
        latencyPanel(measured),
      ],
    }],
  };
}

export const ladder: Scenario = { name: 'ladder', description: 'what each step buys: plain consumers, each variant alone, cascade, INT8, caches, chaining', run };
