import { DEFAULT_PARTITIONS, DEFAULT_PREFIX } from '../index.ts';
import { documentedTopics, type DocumentedTopic } from './topics.ts';

const HOUR_MS = 3_600_000;
const MEBIBYTE = 1_048_576;

const columns: readonly [string, (topic: DocumentedTopic) => string][] = [
  ['Topic', ({ name }) => `\`${name}\``],
  ['Written by', ({ producer }) => producer],
  ['Read by', ({ consumer }) => consumer],
  ['Value', ({ schema }) => schema],
  ['Key', ({ key }) => key],
  ['Partitions', ({ partitions }) => String(partitions)],
  ['Cleanup', ({ cleanup }) => cleanup],
  ['Retention', retention],
  ['Largest record', ({ maxRecordBytes }) => `${maxRecordBytes / MEBIBYTE} MiB`],
  ['Timestamp', ({ timestamps }) => (timestamps === 'append' ? 'broker’s append time' : 'writer’s')],
];

const introduction = `<!-- Made by npm run generate from schemas/topology.ts. -->
# Topics

Names with the default prefix \`${DEFAULT_PREFIX}\`. Topics of the flow have equal partition counts, by default ${DEFAULT_PARTITIONS},
so that one key's records of all topics meet the same process. Writers to the input topics may use any key:
the classifier sets the affinity key, which is the user where there is one, else the request's \`key\`, else its id.
Each variant has its own work and bulk topic; one that is bound to a pool carries the pool's name as well.
`;

/** docs/topics.md */
export function topicsDocument(): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rows = documentedTopics().map((topic) => row(columns.map(([, cell]) => cell(topic))));
  return [introduction, row(columns.map(([title]) => title)), row(columns.map(() => '---')), ...rows, ''].join('\n');
}

function retention({ cleanup, retentionMs }: DocumentedTopic): string {
  if (cleanup === 'compact') return 'newest per key';
  const hours = retentionMs / HOUR_MS;
  const time = hours > 48 ? `${hours / 24} days` : `${hours} h`;
  return cleanup === 'delete' ? time : `newest per key, ${time}`;
}
