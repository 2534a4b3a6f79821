import Table from 'cli-table3';
import type { Colors } from './colors.ts';
import { ANSWER_KINDS, type AnswerKind } from './answer-kind.ts';
import { count, milliseconds, percent, quality } from './format.ts';
import type { QualityFigures } from './quality.ts';
import type { Summary } from './summary.ts';

const SECONDS_DECIMALS = 1;

function table(head: string[], rows: string[][]): string {
  const text = new Table({ head, style: { head: [], border: [] }, colAligns: head.map((_, index) => (index === 0 ? 'left' : 'right')) });
  text.push(...rows);
  return text.toString();
}

function listed(counts: Record<string, number>): string {
  return Object.entries(counts).map(([name, number]) => `${name} ${count(number)}`).join(', ') || 'none';
}

function totals(summary: Summary): string {
  const { events, responses, missing, duplicates, latencyMs, hitRateAt10, ndcgAt10 } = summary;
  const text = new Table({ style: { head: [], border: [] } });
  text.push(
    ['requests answered', `${count(responses)} of ${count(events)}`],
    ['missing · doubled', `${count(missing)} · ${count(duplicates)}`],
    ['time', `${summary.seconds.toFixed(SECONDS_DECIMALS)} s, ${count(summary.responsesPerSecond)} answers/s`],
    ['latency', `p50 ${milliseconds(latencyMs.p50)}, p99 ${milliseconds(latencyMs.p99)}`],
    ['status', listed(summary.statuses)],
    ['reasons', listed(summary.reasons)],
    ['mean batch size', summary.meanBatchSize.toFixed(2)],
    ['all answers', `HR@10 ${quality(hitRateAt10)}, NDCG@10 ${quality(ndcgAt10)}`],
  );
  return text.toString();
}

function variants({ shares, batchSizes }: Summary): string {
  const rows = Object.entries(shares).map(([name, share]) => [name, percent(share), (batchSizes[name] ?? 0).toFixed(2)]);
  return table(['model × precision', 'share of steps', 'mean batch'], rows);
}

function judged({ answers, hitRateAt10, ndcgAt10, standardError }: QualityFigures): string[] {
  if (answers === 0) return ['0', '–', '–'];
  return [count(answers), `${quality(hitRateAt10)} ± ${quality(standardError)}`, quality(ndcgAt10)];
}

function kinds({ quality: byKind, routed }: Summary): string {
  const rows = Object.entries(byKind).map(([kind, { drawn, all, latencyMs }]) => [
    ANSWER_KINDS[kind as AnswerKind], ...judged(drawn), ...judged(all).slice(0, 2), milliseconds(latencyMs.p50),
  ]);
  const whole = ['without a hint (Tandem chose)', '', '', '', ...judged(routed).slice(0, 2), ''];
  return table(['answered by', 'drawn by lot', 'HR@10', 'NDCG@10', 'all', 'HR@10', 'p50'], [...rows, whole]);
}

function remarks({ missing, warm, aborted, strangers }: Summary, colors: Colors): string[] {
  return [
    ...(aborted ? [colors.yellow('Ended early: the figures cover what was answered until then.')] : []),
    ...(missing > 0 && !aborted ? [colors.red(`${count(missing)} requests got no answer: see the stages' logs and the dead-letters topic.`)] : []),
    ...(warm ? [] : [colors.yellow('The replay began before the flow had read all earlier interactions; see reasons.')]),
    ...(strangers > 0 ? [colors.dim(`${count(strangers)} responses to other producers' requests passed by.`)] : []),
  ];
}

/** The end of a demo, for people. */
export function summaryTable(summary: Summary, colors: Colors): string {
  return [
    colors.bold('Summary'),
    totals(summary),
    variants(summary),
    colors.bold('Quality of the answers: was the user’s next item among the ten?'),
    kinds(summary),
    colors.dim('Compare kinds by the columns under "drawn by lot": those requests were assigned at random. docs/replay.md explains.'),
    ...remarks(summary, colors),
  ].join('\n');
}
