import type { TopicPartition } from './types.ts';

/** Names a partition in maps and sets. */
export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic} ${partition}`;
}
