import type { Bench, Findings, Scenario } from '../harness/bench.ts';
import type { Contender } from '../harness/contender.ts';
import { number, percent } from '../harness/format.ts';
import type { RunFigures } from '../harness/judge.ts';
import { Session } from '../harness/measure.ts';
import { inRounds, type Rounds } from '../harness/rounds.ts';
import { median } from '@tandem/shared/statistics';
import { tandemContender } from '../harness/tandem-contender.ts';
import { settingCapability } from './capabilities.ts';
import { heavyFlags } from './made/made-models.ts';
import { batchConsumer, oneByOneConsumer, tandemCascade, tandemLarge } from './usual-contenders.ts';

const SHARES = [0.1, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3];
const QUICK_SHARES = [0.5, 1, 2, 3];

export interface OverloadRun {
  /** Goodput that a search found beforehand, per second. */
  capacityPerSecond: number;
  runs: { share: number; figures: RunFigures }[];
}

/** Finds the capacity, then offers shares of it. */
export async function offerShares(contender: Contender, bench: Bench, shares: readonly number[]): Promise<OverloadRun> {
  await using session = await Session.open(contender, bench);
  await session.ready();
  const { goodputPerSecond: capacityPerSecond } = await session.search(await session.warmUp());
  const runs: OverloadRun['runs'] = [];
  for (const share of shares) {
    const { figures } = await session.at(Math.max(1, share * capacityPerSecond), 2 * bench.effort.probeSeconds, { patienceMs: 30_000 });
    runs.push({ share, figures });
  }
  return { capacityPerSecond, runs };
}

/** Medians over the rounds, by share. */
export function overShares(results: readonly OverloadRun[], shares: readonly number[]) {
  const peaks = results.map(({ runs }) => Math.max(...runs.map(({ figures }) => figures.goodputPerSecond)));
  return shares.map((share, index) => {
    const of = (pick: (figures: RunFigures, round: number) => number) => median(results.map(({ runs }, round) => pick(runs[index]!.figures, round)));
    return {
      share,
      offeredPerSecond: of(({ offeredPerSecond }) => offeredPerSecond),
      goodputPerSecond: of(({ goodputPerSecond }) => goodputPerSecond),
      goodputOverPeak: of(({ goodputPerSecond }, round) => goodputPerSecond / peaks[round]!),
      lateShare: of(({ lateShare }) => lateShare),
      degradedShare: of(({ degradedShare }) => degradedShare),
      p99Ms: of(({ p99Ms }) => p99Ms),
    };
  });
}

export function overloadFindings(measured: readonly Rounds<OverloadRun>[], shares: readonly number[]): Findings {
  const data = measured.map(({ contender, results, failure }) => ({
    name: contender.name, failure, capacityPerSecond: median(results.map(({ capacityPerSecond }) => capacityPerSecond)), runs: results.length === 0 ? [] : overShares(results, shares),
  }));
  const series = (pick: (run: (typeof data)[number]['runs'][number]) => number) => data.map(({ name, runs }) => ({ name, points: runs.map((run) => [run.share * 100, pick(run)] as const) }));
  return {
    data,
    notes: ['Load as a share of the goodput that a search found beforehand. Late: complete answers behind the SLO; degraded: answered with less, or refused, in time or not; both as shares of all that were offered.'],
    tables: data.map(({ name, capacityPerSecond, runs, failure }) => ({
      head: [failure === undefined ? `${name}, ${number(capacityPerSecond)}/s` : `${name}: ${failure.split('\n')[0]}`, 'offered /s', 'goodput /s', '÷ peak', 'late', 'degraded', 'p99 ms'],
      rows: runs.map((run) => [percent(run.share), number(run.offeredPerSecond), number(run.goodputPerSecond), number(run.goodputOverPeak), percent(run.lateShare), percent(run.degradedShare), number(run.p99Ms)]),
    })),
    plots: [{
      title: 'Overload',
      panels: [
        { title: 'Goodput', xName: '% of capacity', yName: '/s', series: series(({ goodputPerSecond }) => goodputPerSecond) },
        { title: 'Late, of all offered', xName: '% of capacity', yName: '%', series: series(({ lateShare }) => lateShare * 100) },
      ],
    }],
  };
}

async function run(bench: Bench): Promise<Findings> {
  const shares = bench.quick ? QUICK_SHARES : SHARES;
  // A process for each stage, and the layout that the ladder is won with.
  const { flags: together = [], missing } = settingCapability('chain', 'all');
  const heavy = (name: string, more: readonly string[] = []) => tandemContender({ name, description: 'a model of some milliseconds per request', task: 'fine', flags: [...heavyFlags(bench.folder), ...more] });
  const chained = { more: together, unavailable: missing };
  const contenders = [
    heavy('Tandem: a heavy model'), heavy('Tandem: a heavy model, chained', together), tandemLarge(), tandemLarge({ ...chained, name: 'Tandem: large int8, chained' }),
    tandemCascade(), tandemCascade({ ...chained, name: 'Tandem: small → large int8, chained' }), batchConsumer(), oneByOneConsumer(),
  ];
  const measured = await inRounds(bench, contenders, (contender) => offerShares(contender, bench, shares), ({ capacityPerSecond, runs }) =>
    `${number(capacityPerSecond)}/s; at ${percent(runs.at(-1)!.share)} ${number(runs.at(-1)!.figures.goodputPerSecond)}/s`);
  return overloadFindings(measured, shares);
}

export const overload: Scenario = { name: 'overload', description: 'from 10 % to 300 % of capacity: goodput, late and degraded answers', run };
