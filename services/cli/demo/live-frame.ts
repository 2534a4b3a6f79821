import type { Colors } from './colors.ts';
import { ANSWER_KINDS, type AnswerKind } from './answer-kind.ts';
import { count, milliseconds, percent, quality, seconds } from './format.ts';
import type { ReplayProgress } from './replay.ts';
import type { Figures } from './statistics.ts';

export interface FrameOptions {
  title: string;
  columns: number;
  colors: Colors;
  /** Answers a second over the last few seconds. */
  responsesPerSecond: number;
}

const LABEL_COLUMNS = 12;
const MAX_BAR_COLUMNS = 40;
/** Of the figures behind it. */
const BESIDE_BAR_COLUMNS = 36;

/** A third of a split terminal has no room for one. */
function bar(share: number, screenColumns: number, colors: Colors): string {
  const columns = Math.max(0, Math.min(MAX_BAR_COLUMNS, screenColumns - BESIDE_BAR_COLUMNS));
  const filled = Math.round(Math.min(1, share) * columns);
  return colors.green('█'.repeat(filled)) + colors.dim('░'.repeat(columns - filled));
}

function kinds({ kinds }: Figures): [string, string][] {
  return Object.entries(kinds).map(([kind, { all }]) => [
    ANSWER_KINDS[kind as AnswerKind],
    `${count(all.answers).padStart(7)}   HR@10 ${quality(all.hitRateAt10)}   NDCG@10 ${quality(all.ndcgAt10)}`,
  ]);
}

function variants({ variants }: Figures): string[] {
  return Object.entries(variants).map(([name, { share, meanBatchSize }]) => `${name} ${percent(share)} (batch ${meanBatchSize.toFixed(1)})`);
}

function statuses({ statuses, reasons }: Figures): string {
  return [...Object.entries(statuses), ...Object.entries(reasons)].map(([name, number]) => `${name} ${count(number)}`).join(' · ');
}

function replaying({ figures, seconds: elapsed }: ReplayProgress, { columns, colors, responsesPerSecond }: FrameOptions): string[] {
  const done = figures.responses / Math.max(1, figures.events);
  const label = (text: string) => colors.dim(text.padEnd(LABEL_COLUMNS));
  const { p50, p99 } = figures.latencyMs;
  return [
    `${bar(done, columns, colors)} ${count(figures.responses)} of ${count(figures.events)} · ${seconds(elapsed)}`,
    '',
    `${label('requests/s')}${colors.bold(count(responsesPerSecond))} · ${count(figures.sent - figures.responses)} in flight`,
    `${label('latency')}p50 ${colors.bold(milliseconds(p50))} · p99 ${colors.bold(milliseconds(p99))}`,
    ...variants(figures).map((text, index) => label(index === 0 ? 'models' : '') + text),
    ...kinds(figures).map(([kind, text], index) => `${label(index === 0 ? 'answers' : '')}${kind.padEnd(21)}${text}`),
    `${label('status')}${statuses(figures)}`,
  ];
}

function preparing({ phase, preloaded, toPreload }: ReplayProgress, { columns, colors }: FrameOptions): string[] {
  if (phase === 'warming up') return ['warming up: the flow reads what happened before, models load'];
  return [`${bar(preloaded / Math.max(1, toPreload), columns, colors)} ${count(preloaded)} earlier interactions of ${count(toPreload)}`];
}

/** The picture of a moment, redrawn in place. */
export function liveFrame(progress: ReplayProgress, options: FrameOptions): string {
  const lines = progress.phase === 'replaying' ? replaying(progress, options) : preparing(progress, options);
  return [options.colors.bold(options.title), ...lines].join('\n');
}
