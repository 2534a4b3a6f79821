import { expect, test } from 'vitest';
import { markdownReport, markdownTable } from './markdown.ts';

test('a table has a line for each row, with the bars in cells escaped', () => {
  expect(markdownTable({ head: ['', 'a'], rows: [['x', '1|2']] })).toBe('|  | a |\n|---|---:|\n| x | 1\\|2 |');
});

test('a report names machine, commit and command, and shows every scenario with its plots', () => {
  const machine = { cpu: 'CPU X', cores: 2, memoryGiB: 8, system: 'linux', node: 'v24', onnxruntime: '1.30', kafkajs: '2.2.4', kafka: '4.1.0', commit: 'abc+', loadAverage: 0.1 };
  const head = { machine, startedAt: 'today', seconds: 120, quick: true, rounds: 1, replay: 'Invented users', command: 'npm run bench' };
  const findings = { data: {}, notes: ['- one', '- two'], tables: [{ head: ['', 'n'], rows: [['r', '7']] }], plots: [] };
  const text = markdownReport(head, new Map([['ladder', findings]]), new Map([['ladder', ['ladder.svg']]]));
  for (const part of ['CPU X', 'Kafka 4.1.0', 'commit abc+', '`npm run bench`', '2 min', '## ladder', '| r | 7 |', '- one\n- two', '![ladder](ladder.svg)']) expect(text).toContain(part);
});
