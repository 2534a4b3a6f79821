import type { Response, ResponseStep, Result, Status } from '@tandem/schemas';
import { printable } from '@tandem/shared/dead-letters';
import type { Colors } from '../demo/colors.ts';

const SHOWN_ITEMS = 3;
const STATUS_WIDTH = 8;

function painted(status: Status, colors: Colors): string {
  const paint = { complete: colors.green, degraded: colors.yellow, rejected: colors.magenta, failed: colors.red, provisional: colors.cyan }[status];
  return paint(status.padEnd(STATUS_WIDTH));
}

function stepText({ model, precision, batchSize, queueMs, computeMs, cached }: ResponseStep): string {
  if (model === '' || precision === '') return 'skipped';
  const times = cached === true ? 'cached' : `b${batchSize} ${round(queueMs)}+${round(computeMs)}ms`;
  return `${model}.${precision} ${times}`;
}

function round(ms: number): string {
  return ms < 10 ? ms.toFixed(1).replace(/\.0$/, '') : String(Math.round(ms));
}

/** The beginning of a result, in a few words. */
export function resultText(result: Result | undefined): string {
  if (result === undefined) return '';
  if ('items' in result) return list(result.items.map(({ itemId }) => itemId));
  if ('label' in result) return `${result.label} (${result.confidence.toFixed(2)})`;
  if ('sequence' in result) return list(result.sequence.map(String));
  return JSON.stringify(result);
}

function list(items: readonly string[]): string {
  return `${items.slice(0, SHOWN_ITEMS).join(' ')}${items.length > SHOWN_ITEMS ? ` … ${items.length}` : ''}`;
}

function whyText({ reason, error }: Response): string {
  if (reason === undefined && error === undefined) return '';
  const code = error === undefined || error.code === (reason as string | undefined) ? '' : error.code;
  return `[${[reason, code].filter(Boolean).join(', ')}${error === undefined ? '' : `: ${error.message}`}]`;
}

/** One response in one line; what its sender wrote cannot steer the terminal. */
export function responseLine(response: Response, colors: Colors): string {
  const { time, status, workload, userId, requestId, latencyMs, steps, result } = response;
  const fields = [
    colors.dim(new Date(time).toISOString().slice(11, 23)), painted(status, colors), `${round(latencyMs)} ms`.padStart(8), printable(workload),
    userId === undefined ? '' : printable(`user ${userId}`), printable(requestId), why(response, colors),
    steps.length === 0 ? '' : colors.dim(printable(steps.map(stepText).join(' → '))), printable(resultText(result)),
  ];
  return fields.filter((field) => field !== '').join('  ');
}

function why(response: Response, colors: Colors): string {
  const text = printable(whyText(response));
  return text === '' ? '' : colors.yellow(text);
}
