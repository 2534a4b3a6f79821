import { STAGE_NAMES, type StageName, type TopicSpec } from '@tandem/schemas';

const NAMES: ReadonlySet<string> = new Set(STAGE_NAMES);

/** Of each topic (full name) the stages that read it, by its specification. */
export function stageReaders(specs: readonly TopicSpec[]): (topic: string) => readonly StageName[] {
  const readers = new Map(specs.map(({ name, consumer }) => [name, consumer.split(', ').filter((reader): reader is StageName => NAMES.has(reader))]));
  return (topic) => readers.get(topic) ?? [];
}
