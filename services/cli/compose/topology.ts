import { fixedTopics, variantTopics, type TopicSpec } from '@tandem/schemas';
import type { Settings } from '@tandem/shared/config';
import { TandemError } from '@tandem/shared/errors';
import type { TopicReport } from '@tandem/shared/log';
import type { Ports } from './ports.ts';

/** All topics of this deployment: the fixed ones, and two for each registered variant (and this process's pool). */
export function topicsOf(settings: Settings, { variants }: Pick<Ports, 'variants'>): TopicSpec[] {
  const topology = { prefix: settings.prefix, partitions: settings.partitions };
  const { pool } = settings;
  const pooled = pool === undefined ? [] : variants.map(({ model, precision }) => ({ model, precision, pool }));
  return [...fixedTopics(topology), ...variantTopics(topology, [...variants, ...pooled])];
}

/**
 * Creates what is missing and names what differs.
 * @throws {TandemError} `topology_mismatch` where partition counts differ: co-partitioned joins would break
 */
export async function ensureTopology(settings: Settings, ports: Ports): Promise<TopicReport> {
  const replication = settings.replication === undefined ? {} : { replicationFactor: settings.replication };
  const report = await ports.log.admin.ensureTopics(topicsOf(settings, ports), replication);
  const wrong = report.differences.filter(({ setting }) => setting === 'partitions');
  if (wrong.length > 0) {
    const list = wrong.map(({ topic, expected, actual }) => `${topic} has ${actual}, not ${expected}`).join('; ');
    throw new TandemError(`all topics of the flow need equal partition counts: ${list}. Set --partitions to what they have, or use another --prefix`, { code: 'topology_mismatch' });
  }
  for (const difference of report.differences) ports.logger.warn(difference, 'a topic differs from its specification');
  return report;
}
