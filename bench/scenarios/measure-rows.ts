import type { Bench } from '../harness/bench.ts';
import type { Contender } from '../harness/contender.ts';
import { number } from '../harness/format.ts';
import { measure, type Measured } from '../harness/measure.ts';
import { inRounds, type Rounds } from '../harness/rounds.ts';
import { gainsOf, ladderRow, type LadderRow } from './ladder-row.ts';

/** Measures contenders in turns. @param reference name of the one against which accuracy is lost */
export async function measureRows(bench: Bench, contenders: readonly Contender[], reference: string): Promise<{ measured: readonly Rounds<Measured>[]; rows: LadderRow[] }> {
  const measured = await inRounds(bench, contenders, (contender) => measure(contender, bench), ({ search, steady }) =>
    `${number(search.goodputPerSecond)}/s within ${bench.sloMs} ms; p50 ${number(steady.p50Ms)}, p99 ${number(steady.p99Ms)} ms at half of it`);
  const gains = gainsOf(measured.find(({ contender }) => contender.name === reference)?.results ?? []);
  return { measured, rows: measured.map((entry) => ladderRow(entry, gains, bench)) };
}
