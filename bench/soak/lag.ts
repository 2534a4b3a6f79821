import { topicName, type TopicKind } from '@tandem/schemas';
import type { EventLog } from '@tandem/shared/log';

/** Who reads which topic. Work topics come and go with variants: a worker's backlog shows in the latency. */
const READ: readonly (readonly [group: string, topic: TopicKind])[] = [
  ['classifier', 'requests'], ['classifier', 'requests.bulk'], ['scheduler', 'tasks'], ['scheduler', 'outcomes'], ['fusion', 'tasks'], ['fusion', 'outcomes'],
];

/** Records behind the committed offsets, by consumer group. */
export async function lagByGroup({ admin }: EventLog, prefix: string): Promise<Record<string, number>> {
  const lag: Record<string, number> = {};
  for (const [group, kind] of READ) {
    const topic = topicName(prefix, kind);
    const [offsets, committed] = await Promise.all([admin.offsets(topic), admin.committed(prefix + group, topic)]);
    const done = new Map(committed.map(({ partition, offset }) => [partition, offset]));
    const behind = offsets.reduce((sum, { partition, earliest, latest }) => sum + latest - Math.max(earliest, done.get(partition) ?? 0), 0);
    lag[group] = (lag[group] ?? 0) + behind;
  }
  return lag;
}
