import { count, seconds } from '../demo/format.ts';
import { textTable } from '../table.ts';
import type { Ledger } from './ledger.ts';
import type { BackfillProgress } from './progress.ts';

/** What became of a job. */
export interface BackfillSummary {
  job: string;
  resumed: boolean;
  /** Every valid line has a response. */
  complete: boolean;
  /** A signal came first. */
  interrupted: boolean;
  lines: number;
  valid: number;
  /** Lines that are not requests, by code. */
  bad: Record<string, number>;
  answered: number;
  /** By an earlier run of the job. */
  answeredBefore: number;
  /** Requests in the log without a response: by the code of their dead letter. */
  failed: Record<string, number>;
  /** In the log, without a response or a dead letter. */
  unanswered: number;
  statuses: Record<string, number>;
  reasons: Record<string, number>;
  /** Codes of responses with an error. */
  errors: Record<string, number>;
  seconds: number;
  /** Of this run. */
  perSecond: number;
}

export function summarise(ledger: Ledger, progress: BackfillProgress, interrupted: boolean): BackfillSummary {
  const { lines, valid, answered, answeredBefore, badLines, statuses, reasons, errors, failures } = ledger;
  const failed: Record<string, number> = {};
  for (const { code } of failures.values()) failed[code] = (failed[code] ?? 0) + 1;
  return {
    job: progress.job, resumed: progress.resumed,
    complete: progress.exhausted && answered >= valid && failures.size === 0,
    interrupted, lines, valid, bad: badLines, answered, answeredBefore, failed, unanswered: progress.outstanding, statuses, reasons, errors,
    seconds: progress.seconds,
    perSecond: progress.seconds > 0 ? (answered - answeredBefore) / progress.seconds : 0,
  };
}

export function summaryText(summary: BackfillSummary, output: string): string {
  const { valid, bad, answered, answeredBefore, failed, unanswered, statuses, reasons, errors } = summary;
  const rows = (what: string, counts: Record<string, number>) => Object.entries(counts).map(([name, number]) => [what, name, count(number)]);
  const table = textTable(['', '', 'requests'], [
    ...rows('status', statuses), ...rows('reason', reasons), ...rows('error', errors),
    ...rows('not answered', failed), ...(unanswered > 0 ? [['not answered', 'nothing came back', count(unanswered)]] : []),
    ...rows('not sent: bad line', bad),
  ]);
  const before = answeredBefore > 0 ? `, ${count(answeredBefore)} of them by an earlier run` : '';
  return `${table}\n${count(answered)} of ${count(valid)} requests answered in ${output}${before}; ${seconds(summary.seconds)}, ${count(summary.perSecond)}/s. ${ending(summary)}`;
}

function ending({ complete, interrupted, valid, answered }: BackfillSummary): string {
  if (complete) return 'Complete.';
  if (interrupted) return 'Interrupted: the same command goes on.';
  return `Not complete: ${count(Math.max(0, valid - answered))} without a response; the same command looks for them again.`;
}
