import type { Colors } from '../demo/colors.ts';
import type { CheckedFinding, FindingStatus } from './finding.ts';

const WORDS: Readonly<Record<FindingStatus, string>> = { ok: 'ok', warning: 'warn', failed: 'FAIL', skipped: 'skip' };
const INDENT = ' '.repeat(17);

function paint(colors: Colors, status: FindingStatus): (text: string) => string {
  return { ok: colors.green, warning: colors.yellow, failed: colors.red, skipped: colors.dim }[status];
}

function lines({ check, status, message, mend }: CheckedFinding, colors: Colors): string {
  const first = `${paint(colors, status)(WORDS[status].padEnd(5))} ${check.padEnd(10)} ${message}`;
  return mend === undefined ? first : `${first}\n${INDENT}${colors.bold('mend:')} ${mend}`;
}

function count(findings: readonly CheckedFinding[], status: FindingStatus, singular: string, plural: string): string | undefined {
  const times = findings.filter((finding) => finding.status === status).length;
  return times === 0 ? undefined : `${times} ${times === 1 ? singular : plural}`;
}

/** One finding a line, and how to mend it under it. */
export function reportText(findings: readonly CheckedFinding[], colors: Colors): string {
  const counts = [count(findings, 'failed', 'failure', 'failures'), count(findings, 'warning', 'warning', 'warnings')].filter((text) => text !== undefined);
  const end = counts.length === 0 ? 'all well' : counts.join(', ');
  return [...findings.map((finding) => lines(finding, colors)), '', end].join('\n');
}
