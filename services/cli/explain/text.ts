import type { ExplainedDecision, Explanation, WaterfallSpan } from '@tandem/shared/explain';
import { printable } from '@tandem/shared/dead-letters';
import type { Colors } from '../demo/colors.ts';
import { resultText } from '../tail/index.ts';
import { textTable } from '../table.ts';

const BAR_WIDTH = 48;
const BLOCK = '█';

function sinceText(time: number, { arrivedAt }: Explanation): string {
  return arrivedAt === undefined ? new Date(time).toISOString() : `+${Math.round(time - arrivedAt)} ms`;
}

function head(explanation: Explanation, colors: Colors): string[] {
  const { requestId, workload, userId, arrivedAt, deadlineAt, responses } = explanation;
  const final = responses.findLast((response) => response.final);
  const deadline = deadlineAt === undefined || arrivedAt === undefined ? '' : deadlineAt === null ? ', no deadline' : `, deadline after ${Math.round(deadlineAt - arrivedAt)} ms`;
  const lines = [`${colors.bold(printable(requestId))}${workload === undefined ? '' : `  ${printable(workload)}`}${userId === undefined ? '' : `  user ${printable(userId)}`}`];
  if (arrivedAt !== undefined) lines.push(`appended ${new Date(arrivedAt).toISOString()}${deadline}`);
  if (final !== undefined) lines.push(`${final.status}${final.reason === undefined ? '' : ` (${final.reason})`} after ${Math.round(final.latencyMs)} ms  ${printable(resultText(final.result))}`.trimEnd());
  return lines;
}

function comparison({ predicted, actual }: ExplainedDecision): string | undefined {
  if (predicted === undefined || actual === undefined) return undefined;
  const pair = (name: string, expected: number, came: number | undefined) => (came === undefined ? '' : `${name} expected ${expected.toFixed(1)}, was ${came.toFixed(1)} ms`);
  return [pair('queue', predicted.queueMs, actual.queueMs), pair('compute', predicted.computeMs, actual.computeMs)].filter((text) => text !== '').join('; ');
}

function decisionLines(decision: ExplainedDecision, explanation: Explanation, colors: Colors): string[] {
  const { stage, step, time, what, why } = decision;
  const place = `${sinceText(time, explanation).padStart(9)}  ${colors.cyan(stage.padEnd(10))} ${step === undefined ? '' : `${step}: `}`;
  const compared = comparison(decision);
  const indent = ' '.repeat(22);
  return [`${place}${printable(what)}`, ...(why === '' ? [] : [colors.dim(`${indent}${printable(why)}`)]), ...(compared === undefined ? [] : [colors.dim(`${indent}${compared}`)])];
}

/** A bar where the span lies between the request and the end of the last span; never so short that it cannot be seen. */
function bar({ startMs, durationMs }: WaterfallSpan, endMs: number): string {
  const scale = endMs <= 0 ? 0 : BAR_WIDTH / endMs;
  const from = Math.min(BAR_WIDTH - 1, Math.max(0, Math.round(startMs * scale)));
  const width = Math.max(1, Math.min(BAR_WIDTH - from, Math.round(durationMs * scale)));
  return `${' '.repeat(from)}${BLOCK.repeat(width)}`.padEnd(BAR_WIDTH);
}

function waterfallLines(spans: readonly WaterfallSpan[]): string[] {
  const endMs = Math.max(0, ...spans.map(({ startMs, durationMs }) => startMs + durationMs));
  return spans.map((span) => `${span.stage.padEnd(10)} |${bar(span, endMs)}| ${span.durationMs.toFixed(1).padStart(8)} ms  ${span.label}`);
}

/** For people: what happened, why, and where the time went. */
export function explanationText(explanation: Explanation, colors: Colors): string {
  const { decisions, waterfall, events, notes } = explanation;
  const section = (title: string, lines: readonly string[]) => (lines.length === 0 ? [] : ['', colors.bold(title), ...lines]);
  const rows = events.map(({ kind, time, topic, partition, offset, what }) => [sinceText(time, explanation), kind, printable(`${topic}/${partition}/${offset}`), printable(what)]);
  return [
    ...head(explanation, colors),
    ...section('Decisions', decisions.flatMap((decision) => decisionLines(decision, explanation, colors))),
    ...section('Where the time went', waterfallLines(waterfall)),
    ...section('Records', events.length === 0 ? [] : [textTable(['time', 'record', 'topic/partition/offset', 'what'], rows)]),
    ...section('Notes', notes.map((note) => `- ${note}`)),
  ].join('\n');
}
