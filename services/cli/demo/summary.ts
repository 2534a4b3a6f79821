import type { ReplayOutcome } from './replay.ts';
import type { KindFigures, Figures } from './statistics.ts';
import type { QualityFigures } from './quality.ts';
import type { AnswerKind } from './answer-kind.ts';

/** What `--json` prints. Names up to `meanBatchSize` are relied on outside; more may be added. */
export interface Summary {
  /** Requests sent. */
  events: number;
  /** Requests answered. */
  responses: number;
  /** From the first request until the last answer. */
  seconds: number;
  responsesPerSecond: number;
  latencyMs: { p50: number; p99: number };
  /** Over all answers; one without items counts as a miss. */
  hitRateAt10: number;
  ndcgAt10: number;
  /** By `model.precision`: of all inference steps that ran. */
  shares: Record<string, number>;
  /** Answers by status. */
  statuses: Record<string, number>;
  /** Over batches, not over requests. */
  meanBatchSize: number;
  reasons: Record<string, number>;
  /** By `model.precision`. */
  batchSizes: Record<string, number>;
  /** By the models that answered; `drawn`: of the requests whose kind was drawn by lot, comparable between kinds. */
  quality: Partial<Record<AnswerKind, KindFigures>>;
  /** Of the requests without a hint, as Tandem chose. */
  routed: QualityFigures;
  missing: number;
  duplicates: number;
  strangers: number;
  /** False: it began before the flow had read all earlier interactions. */
  warm: boolean;
  aborted: boolean;
  seed: number;
  rate: number | 'max';
  run: string;
}

export interface SummaryContext {
  seed: number;
  rate: number | 'max';
}

const DECIMALS = 1e4;

/** Four decimals: more would only look exact. */
function rounded<Value>(value: Value): Value {
  if (typeof value === 'number') return (Math.round(value * DECIMALS) / DECIMALS) as Value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]: [string, unknown]) => [name, rounded(part)])) as Value;
}

function byVariant({ variants }: Figures, of: (figures: Figures['variants'][string]) => number): Record<string, number> {
  return Object.fromEntries(Object.entries(variants).map(([name, figures]) => [name, of(figures)]));
}

export function summarise({ figures, seconds, run, missing, warm, aborted }: ReplayOutcome, { seed, rate }: SummaryContext): Summary {
  const { sent, responses, latencyMs, overall, statuses, reasons, meanBatchSize, kinds, routed, duplicates, strangers } = figures;
  return rounded({
    events: sent,
    responses,
    seconds,
    responsesPerSecond: seconds > 0 ? responses / seconds : 0,
    latencyMs,
    hitRateAt10: overall.hitRateAt10,
    ndcgAt10: overall.ndcgAt10,
    shares: byVariant(figures, ({ share }) => share),
    statuses,
    meanBatchSize,
    reasons,
    batchSizes: byVariant(figures, (variant) => variant.meanBatchSize),
    quality: kinds,
    routed,
    missing,
    duplicates,
    strangers,
    warm,
    aborted,
    seed,
    rate,
    run,
  });
}

/** Every request has its answer, and at least one of them is of use. */
export function succeeded({ events, responses, missing, aborted, quality }: Summary): boolean {
  const useful = responses - (quality.none?.all.answers ?? 0);
  return !aborted && missing === 0 && (events === 0 || useful > 0);
}
