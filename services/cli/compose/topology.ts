import { fixedTopics, variantTopics, type TopicSpec } from '@tandem/schemas';
import type { Settings } from '@tandem/shared/config';
import { TandemError } from '@tandem/shared/errors';
import { REPLICATION_FACTOR, type ReplicationOptions, type TopicDifference, type TopicReport } from '@tandem/shared/log';
import type { Ports } from './ports.ts';

/** What is wrong with topics that are less safe than they were meant to be. */
export const FEWER_REPLICAS = 'topics have fewer replicas than they should, so that a broker that is lost can take records with it';
export const MORE_REPLICAS = 'kafka-reassign-partitions.sh gives them more, as docs/log.md says under "More replicas"; or say with --replication what they shall have';

/** All topics of this deployment: the fixed ones, and two for each registered variant (and this process's pool). */
export function topicsOf(settings: Settings, { variants }: Pick<Ports, 'variants'>): TopicSpec[] {
  const topology = { prefix: settings.prefix, partitions: settings.partitions };
  const { pool } = settings;
  const pooled = pool === undefined ? [] : variants.map(({ model, precision }) => ({ model, precision, pool }));
  return [...fixedTopics(topology), ...variantTopics(topology, [...variants, ...pooled])];
}

/** What `--replication` asks for. */
export function replicationOf({ replication }: Settings): ReplicationOptions {
  return replication === undefined ? {} : { replicationFactor: replication };
}

export function hasNot({ topic, actual, expected }: TopicDifference): string {
  return `${topic} has ${actual}, not ${expected}`;
}

/**
 * Creates what is missing and names what differs. From then on keys keep their partitions, also when some are added.
 * @throws {TandemError} `topology_mismatch` where partition counts differ: co-partitioned joins would break
 */
export async function ensureTopology(settings: Settings, ports: Ports): Promise<TopicReport> {
  const topics = topicsOf(settings, ports);
  const report = await ports.log.admin.ensureTopics(topics, replicationOf(settings));
  const { partitions: wrong = [], [REPLICATION_FACTOR]: exposed = [], ...others } = Object.groupBy(report.differences, ({ setting }) => setting);
  if (wrong.length > 0) {
    const list = wrong.map(hasNot).join('; ');
    throw new TandemError(`all topics of the flow need equal partition counts: ${list}. Set --partitions to what they have, or use another --prefix`, { code: 'topology_mismatch' });
  }
  ports.log.keepPartitions(new Map(topics.map(({ name, partitions }) => [name, partitions])));
  if (exposed.length > 0) ports.logger.warn({ replicas: exposed.map(hasNot).join('; ') }, `${FEWER_REPLICAS}: ${MORE_REPLICAS}`);
  for (const difference of Object.values(others).flatMap((each = []) => each)) ports.logger.warn(difference, 'a topic differs from its specification');
  return report;
}
