import type { CommitPoint } from '../consumer-state.ts';
import type { TopicSpec } from '@tandem/schemas';
import { TandemError } from '../../errors/index.ts';
import kafkajs, { type Admin, type ITopicConfig } from 'kafkajs';
import { groupActive, unknownTopic } from '../errors.ts';
import { compareSettings, configOf, REPLICATION_FACTOR, settingsOf, type TopicSettings } from '../topic-settings.ts';
import type { LogAdmin, ReplicationOptions, TopicDifference, TopicInspection, TopicReport } from '../types.ts';
import { isUnknownTopic, type AdminClient } from './admin-client.ts';
import { isBrokerError } from './failures.ts';

const DEFAULT_REPLICATION = 3;
const CREATE_TIMEOUT_MS = 10_000;

interface PartitionState {
  partition: number;
  leader: number;
  replicas: number;
}

/** Topics and offsets of a Kafka cluster. */
export class KafkaAdmin implements LogAdmin {
  readonly #client: AdminClient;

  constructor(client: AdminClient) {
    this.#client = client;
  }

  async ensureTopics(topics: readonly TopicSpec[], options: ReplicationOptions = {}): Promise<TopicReport> {
    const specs = new Map(topics.map((spec) => [spec.name, spec]));
    const existing = new Set(await this.listTopics());
    const missing = [...specs.values()].filter(({ name }) => !existing.has(name));
    const created = missing.length > 0 ? await this.#create(missing, await this.#replication(options)) : [];
    for (const name of specs.keys()) await this.#untilUsable(name);
    const others = [...specs.values()].filter(({ name }) => !created.includes(name));
    return { created, differences: others.length > 0 ? await this.#differences(others, await this.#replication(options)) : [] };
  }

  async inspectTopics(topics: readonly TopicSpec[], options: ReplicationOptions = {}): Promise<TopicInspection> {
    const specs = new Map(topics.map((spec) => [spec.name, spec]));
    const existing = new Set(await this.listTopics());
    const there = [...specs.values()].filter(({ name }) => existing.has(name));
    const missing = [...specs.keys()].filter((name) => !existing.has(name));
    return { missing, differences: there.length > 0 ? await this.#differences(there, await this.#replication(options)) : [] };
  }

  async listTopics(): Promise<string[]> {
    const topics = await this.#client.run((admin) => admin.listTopics());
    return topics.filter((topic) => !topic.startsWith('__')).sort();
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    for (const topic of topics) {
      try {
        await this.#client.run((admin) => admin.deleteTopics({ topics: [topic] }), isUnknownTopic);
      } catch (error) {
        if (!isUnknownTopic(error)) throw error;
      }
    }
  }

  async offsets(topic: string): Promise<{ partition: number; earliest: number; latest: number }[]> {
    const offsets = await this.#onTopic(topic, (admin) => admin.fetchTopicOffsets(topic));
    return offsets.map(({ partition, low, high }) => ({ partition, earliest: Number(low), latest: Number(high) })).sort(byPartition);
  }

  async committed(groupId: string, topic: string): Promise<{ partition: number; offset: number }[]> {
    const points = await this.committedOf(groupId, [topic]);
    return points.map(({ partition, offset }) => ({ partition, offset })).sort(byPartition);
  }

  /** Of several topics, in one question. @throws {TandemError} `unknown_topic` */
  async committedOf(groupId: string, topics: readonly string[]): Promise<CommitPoint[]> {
    const found = await this.#onTopic(topics.join(', '), (admin) => admin.fetchOffsets({ groupId, topics: [...topics] }));
    return found.flatMap(({ topic, partitions }) => partitions.map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) })));
  }

  /** @throws {TandemError} `unknown_topic` */
  async partitions(topic: string): Promise<PartitionState[]> {
    const { topics } = await this.#onTopic(topic, (admin) => admin.fetchTopicMetadata({ topics: [topic] }));
    const partitions = topics.find(({ name }) => name === topic)?.partitions ?? [];
    return partitions
      .map(({ partitionId, leader, replicas }) => ({ partition: partitionId, leader, replicas: replicas.length }))
      .sort(byPartition);
  }

  async setCommitted(groupId: string, topic: string, offsets: readonly { partition: number; offset: number }[]): Promise<void> {
    if (offsets.length === 0) return;
    const partitions = offsets.map(({ partition, offset }) => ({ partition, offset: String(offset) }));
    const active = groupActive(groupId);
    await this.#client.run(async (admin) => {
      const { groups: [group] } = await admin.describeGroups([groupId]);
      if ((group?.members.length ?? 0) > 0) throw active;
      await admin.setOffsets({ groupId, topic, partitions });
    }, (error) => error === active);
  }

  async groups(prefix: string): Promise<{ groupId: string; members: number }[]> {
    const { groups } = await this.#client.run((admin) => admin.listGroups());
    const groupIds = groups.map(({ groupId }) => groupId).filter((groupId) => groupId.startsWith(prefix)).sort();
    if (groupIds.length === 0) return [];
    const described = await this.#client.run((admin) => admin.describeGroups(groupIds));
    return described.groups.map(({ groupId, members }) => ({ groupId, members: members.length }));
  }

  /**
   * Grows a topic to so many partitions. Most keys then lie on another partition than before, so records of a key may
   * overtake each other, and topics that are joined must all be grown while nothing is on its way.
   */
  async addPartitions(topic: string, partitions: number): Promise<void> {
    await this.#onTopic(topic, (admin) => admin.createPartitions({ topicPartitions: [{ topic, count: partitions }] }));
  }

  async #onTopic<Value>(topic: string, operation: (admin: Admin) => Promise<Value>): Promise<Value> {
    try {
      return await this.#client.run(operation, isUnknownTopic);
    } catch (error) {
      throw isUnknownTopic(error) ? unknownTopic(topic) : error;
    }
  }

  /** While a broker is away fewer are asked for, so that its absence is no mismatch of every topic. */
  async #replication({ replicationFactor }: ReplicationOptions): Promise<number> {
    if (replicationFactor !== undefined) return replicationFactor;
    const { brokers } = await this.#client.run((admin) => admin.describeCluster());
    return Math.min(brokers.length, DEFAULT_REPLICATION);
  }

  /** Returns those that this call, and not somebody at the same time, has created. */
  async #create(specs: readonly TopicSpec[], replication: number): Promise<string[]> {
    const created: string[] = [];
    for (const spec of specs) {
      const topics = [topicConfig(spec, replication)];
      const create = (admin: Admin): Promise<boolean> => admin.createTopics({ topics, timeout: CREATE_TIMEOUT_MS, waitForLeaders: false });
      try {
        if (await this.#client.run(create, isMisconfigured)) created.push(spec.name);
      } catch (error) {
        if (!isMisconfigured(error)) throw error;
        throw new TandemError(`Topic "${spec.name}" cannot be created: ${brokerMessage(error)}`, { code: 'topic_not_created', cause: error });
      }
    }
    return created;
  }

  /** A new topic is known at once, but has leaders, and is known to all brokers, a moment later. */
  async #untilUsable(topic: string): Promise<void> {
    await this.#client.run(async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const partitions = topics.find(({ name }) => name === topic)?.partitions ?? [];
      if (partitions.length === 0 || partitions.some(({ leader }) => leader < 0)) throw new Error(`topic ${topic} has no leaders yet`);
    });
  }

  async #differences(specs: readonly TopicSpec[], replication: number): Promise<TopicDifference[]> {
    const names = new Set(specs.flatMap((spec) => Object.keys(configOf(spec))));
    const resources = specs.map(({ name }) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames: [...names, 'min.insync.replicas'] }));
    const described = await this.#client.run((admin) => admin.describeConfigs({ resources, includeSynonyms: false }));
    const differences: TopicDifference[] = [];
    for (const spec of specs) {
      const partitions = await this.partitions(spec.name);
      const entries = described.resources.find(({ resourceName }) => resourceName === spec.name)?.configEntries ?? [];
      const fewest = Math.min(...partitions.map(({ replicas }) => replicas));
      const actual: TopicSettings = { partitions: String(partitions.length), [REPLICATION_FACTOR]: String(fewest) };
      for (const { configName, configValue } of entries) actual[configName] = configValue;
      const expected = { ...settingsOf(spec), [REPLICATION_FACTOR]: String(Math.max(replication, fewest)), ...durability(fewest) };
      differences.push(...compareSettings(spec.name, expected, actual));
    }
    return differences;
  }
}

function topicConfig(spec: TopicSpec, replicationFactor: number): ITopicConfig {
  const config = { ...configOf(spec), ...durability(replicationFactor) };
  return {
    topic: spec.name,
    numPartitions: spec.partitions,
    replicationFactor,
    configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
  };
}

/** With three replicas a write needs two: one broker may be lost without losing records or the ability to write. */
function durability(replicationFactor: number): TopicSettings {
  return replicationFactor >= 3 ? { 'min.insync.replicas': '2' } : {};
}

function isMisconfigured(error: unknown): boolean {
  const types = ['INVALID_CONFIG', 'INVALID_PARTITIONS', 'INVALID_TOPIC_EXCEPTION', 'POLICY_VIOLATION'];
  return types.some((type) => isBrokerError(error, type));
}

function brokerMessage(error: unknown): string {
  const { errors = [error] } = error as { errors?: unknown[] };
  return errors.map((each) => (each instanceof Error ? each.message : String(each))).join('; ');
}

function byPartition(a: { partition: number }, b: { partition: number }): number {
  return a.partition - b.partition;
}
