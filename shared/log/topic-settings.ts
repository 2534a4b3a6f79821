import type { TopicSpec } from '@tandem/schemas';
import type { TopicDifference } from './types.ts';

/** A topic's settings by Kafka's names, as strings, so that what is can be compared with what should be. */
export type TopicSettings = Record<string, string>;

/** Compared like a setting, though it is none of Kafka's configuration: more replicas are made by reassigning partitions. */
export const REPLICATION_FACTOR = 'replication.factor';

export function settingsOf(spec: TopicSpec): TopicSettings {
  return { partitions: String(spec.partitions), ...configOf(spec) };
}

/** The topic's configuration entries. */
export function configOf(spec: TopicSpec): TopicSettings {
  return {
    'cleanup.policy': spec.cleanup,
    'retention.ms': String(spec.retentionMs),
    'max.message.bytes': String(spec.maxRecordBytes),
    'message.timestamp.type': spec.timestamps === 'append' ? 'LogAppendTime' : 'CreateTime',
    ...(spec.maxCompactionLagMs === undefined ? {} : { 'max.compaction.lag.ms': String(spec.maxCompactionLagMs) }),
  };
}

export function compareSettings(topic: string, expected: TopicSettings, actual: TopicSettings): TopicDifference[] {
  return Object.entries(expected)
    .filter(([setting, value]) => actual[setting] !== value)
    .map(([setting, value]) => ({ topic, setting, expected: value, actual: actual[setting] ?? 'unknown' }));
}
