import { DEFAULT_PARTITIONS, DEFAULT_PREFIX, fixedTopics, variantTopics, type TopicSpec } from '../index.ts';

/** A topic of the default deployment, or the pattern of those that each variant has. */
export interface DocumentedTopic extends TopicSpec {
  id: string;
  /** Names in braces in `name`, and what they stand for. */
  parameters: Record<string, string>;
}

const options = { prefix: DEFAULT_PREFIX, partitions: DEFAULT_PARTITIONS };
const parameters = { model: 'Model id, [a-z0-9-]{1,64}.', precision: 'For example fp32 or int8.', pool: 'Pool id, [a-z0-9-]{1,64}.' };

/** Every topic, in the order of the flow. */
export function documentedTopics(): DocumentedTopic[] {
  const fixed = fixedTopics(options).map((topic) => ({ ...topic, id: idOf(topic.name), parameters: {} }));
  const beforeWork = fixed.findIndex(({ name }) => name.endsWith('.outcomes'));
  return fixed.toSpliced(beforeWork, 0, ...variantPatterns());
}

function variantPatterns(): DocumentedTopic[] {
  const { pool, ...withoutPool } = parameters;
  const sample = { model: 'model', precision: 'precision' };
  const shared = variantTopics(options, [sample]).map((topic) => pattern(topic, '', withoutPool));
  const pooled = variantTopics(options, [{ ...sample, pool: 'pool' }]).map((topic) => pattern(topic, '-pool', { ...withoutPool, pool }));
  return [...shared, ...pooled];
}

function pattern(topic: TopicSpec, suffix: string, names: Record<string, string>): DocumentedTopic {
  const lane = topic.name.slice(DEFAULT_PREFIX.length).split('.')[0] ?? '';
  const name = topic.name.replaceAll(/\.(model|precision|pool)\b/g, '.{$1}');
  return { ...topic, name, id: lane + suffix, parameters: names };
}

function idOf(name: string): string {
  return name.slice(DEFAULT_PREFIX.length).replaceAll('.', '-');
}
