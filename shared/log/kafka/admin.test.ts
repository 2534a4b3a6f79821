import { fixedTopics } from '@tandem/schemas';
import type { Admin } from 'kafkajs';
import { expect, it } from 'vitest';
import { configOf } from '../topic-settings.ts';
import type { AdminClient } from './admin-client.ts';
import { KafkaAdmin } from './admin.ts';

const [spec] = fixedTopics({ prefix: 't.', partitions: 2 });

/** A cluster with one topic, which has that many replicas of each partition. */
function cluster(brokers: number, replicas: readonly number[], minInSync = 1): KafkaAdmin {
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
  const config = { ...configOf(spec!), 'min.insync.replicas': String(minInSync) };
  const partitions = replicas.map((count, partitionId) => ({ partitionId, leader: 0, replicas: numbers(count) }));
  const admin = {
    describeCluster: async () => ({ brokers: numbers(brokers).map((nodeId) => ({ nodeId })) }),
    listTopics: async () => [spec!.name],
    fetchTopicMetadata: async () => ({ topics: [{ name: spec!.name, partitions }] }),
    describeConfigs: async () => ({ resources: [{ resourceName: spec!.name, configEntries: Object.entries(config).map(([configName, configValue]) => ({ configName, configValue })) }] }),
  } as unknown as Admin;
  return new KafkaAdmin({ run: (operation: (client: Admin) => Promise<unknown>) => operation(admin) } as AdminClient);
}

const replicas = (expected: string, actual: string) => ({ topic: 't.requests', setting: 'replication.factor', expected, actual });

it('names a topic with a partition that has fewer replicas than a new topic would get', async () => {
  expect(await cluster(3, [3, 1]).inspectTopics([spec!])).toEqual({ missing: [], differences: [replicas('3', '1')] });
  expect((await cluster(2, [1, 1]).ensureTopics([spec!])).differences).toEqual([replicas('2', '1')]);
});

it('names a topic with fewer replicas than are asked for, and none with more', async () => {
  expect((await cluster(3, [2, 2]).ensureTopics([spec!], { replicationFactor: 3 })).differences).toEqual([replicas('3', '2')]);
  expect((await cluster(3, [2, 2]).ensureTopics([spec!], { replicationFactor: 1 })).differences).toEqual([]);
  expect((await cluster(1, [1, 1]).ensureTopics([spec!])).differences).toEqual([]);
});

it('asks for two replicas in sync where there are three, and for no more replicas than there are brokers to have them', async () => {
  expect((await cluster(3, [3, 3]).inspectTopics([spec!])).differences).toEqual([{ topic: 't.requests', setting: 'min.insync.replicas', expected: '2', actual: '1' }]);
  expect((await cluster(2, [3, 3], 2).inspectTopics([spec!])).differences).toEqual([]);
  expect((await cluster(2, [2, 2]).inspectTopics([spec!])).differences).toEqual([]);
});
