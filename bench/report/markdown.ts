import type { Findings, Table } from '../harness/bench.ts';
import type { Machine } from '../harness/machine.ts';

export interface ReportHeader {
  machine: Machine;
  startedAt: string;
  seconds: number;
  quick: boolean;
  rounds: number;
  replay: string;
  command: string;
}

export function markdownRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

export function markdownTable({ head, rows }: Table): string {
  return [markdownRow(head), `|${head.map((_, index) => (index === 0 ? '---' : '---:')).join('|')}|`, ...rows.map(markdownRow)].join('\n');
}

function header({ machine, startedAt, seconds, quick, rounds, replay, command }: ReportHeader): string {
  return [
    '# Benchmark', '',
    `\`${command}\`, ${startedAt}, ${Math.round(seconds / 60)} min, ${quick ? 'quick' : 'full'}, ${rounds} round${rounds === 1 ? '' : 's'}. ${replay}.`, '',
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; ${machine.system}; Node ${machine.node}, onnxruntime ${machine.onnxruntime}, ${machine.kafka === undefined ? 'a broker that ran before' : `Kafka ${machine.kafka}`}, kafkajs ${machine.kafkajs}; ` +
    `commit ${machine.commit}; load average at the start ${machine.loadAverage}. Broker and load generator run on the same cores.`,
  ].join('\n');
}

/** @param plots file names beside the report, by scenario */
export function markdownReport(head: ReportHeader, found: ReadonlyMap<string, Findings>, plots: ReadonlyMap<string, readonly string[]>): string {
  const sections = [...found].map(([name, { notes, tables }]) => [
    `## ${name}`,
    ...tables.map(markdownTable),
    notes.join('\n\n').replaceAll('\n\n- ', '\n- '),
    ...(plots.get(name) ?? []).map((file) => `![${name}](${file})`),
  ].join('\n\n'));
  return `${[header(head), ...sections].join('\n\n')}\n`;
}
