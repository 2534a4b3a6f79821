import type { TopicSpec } from '@tandem/schemas';
import type { StageName } from './types.ts';

const NAMES: ReadonlySet<string> = new Set<StageName>(['classifier', 'scheduler', 'worker', 'fusion']);

/** Of each topic (full name) the stages that read it, by its specification. */
export function stageReaders(specs: readonly TopicSpec[]): (topic: string) => readonly StageName[] {
  const readers = new Map(specs.map(({ name, consumer }) => [name, consumer.split(', ').filter((reader): reader is StageName => NAMES.has(reader))]));
  return (topic) => readers.get(topic) ?? [];
}
