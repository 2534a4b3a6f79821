import type { Kafka } from 'kafkajs';
import type { TopicPartition } from '../types.ts';
import { decodeFetch, type FetchAnswer } from './fetch-response.ts';
import type { SessionRequest } from './fetch-session.ts';
import { ask, createCluster, errorOfCode, GROUP, ownProtocol, protocolOf, READ_COMMITTED, READ_UNCOMMITTED, TRANSACTION, type Api, type Broker, type Cluster } from './kafkajs-internals.ts';
import { decodeProduce, encodeProduce, NEWEST_PRODUCE, type ProduceAnswer, type ProducerIdentity, type ProduceRequest } from './produce-request.ts';
import { topicIdOf } from './topic-id.ts';

// Asked for by name: -2 and -1 stand for the start and the end. Source: the protocol's ListOffsets request.
const EARLIEST = -2;
const LATEST = -1;
const LARGEST_ANSWER_BYTES = 8_388_608;
const BROKER_NOT_FOUND = 'KafkaJSBrokerNotFound';

export interface FetchRequest extends SessionRequest {
  /** The answer waits so long for a record. */
  maxWaitMs: number;
  maxBytesPerPartition: number;
}

/** Where to look in a partition; `stable` is where the first open transaction begins, else the end. */
export type OffsetQuery = 'earliest' | 'latest' | 'stable' | { timestamp: number };

interface LeftGroup {
  errorCode: number;
  members?: { errorCode: number }[];
}

interface ListedOffsets {
  responses: { partitions: { errorCode: number; offset: string }[] }[];
}

/**
 * Requests to the brokers of a cluster, without a group. Connects when first asked. Whatever fails, the
 * caller resets it and asks again: the next call starts with new connections and fresh metadata.
 */
export class DirectCluster {
  readonly #kafka: Kafka;
  readonly #coordinators = new Map<string, Broker>();
  #connected: Promise<Cluster> | undefined;

  constructor(kafka: Kafka) {
    this.#kafka = kafka;
  }

  /** Leaders of the topic's partitions as last heard, by partition; −1 where there was none. @throws when the topic is unknown */
  async leaders(topic: string): Promise<number[]> {
    const cluster = await this.#connect();
    await cluster.addTargetTopic(topic);
    const leaders: number[] = [];
    for (const { partitionId, leader } of cluster.findTopicPartitionMetadata(topic)) leaders[partitionId] = leader;
    return Array.from(leaders, (leader) => leader ?? -1);
  }

  /** Asks for the leaders anew. @throws when a topic that was asked for is unknown */
  async refresh(): Promise<void> {
    await (await this.#connect()).refreshMetadata();
  }

  /** All partitions of the request must be led by the broker. */
  async fetch(leader: number, { sessionId, sessionEpoch, partitions, forgotten, maxWaitMs, maxBytesPerPartition }: FetchRequest): Promise<FetchAnswer> {
    const broker = await this.broker(leader);
    const parameters = {
      replicaId: -1,
      isolationLevel: READ_COMMITTED,
      maxWaitTime: maxWaitMs,
      minBytes: 1,
      maxBytes: Math.max(maxBytesPerPartition, LARGEST_ANSWER_BYTES),
      sessionId,
      sessionEpoch,
      // Whoever comes first in the request may fill the answer, so each is first in turn.
      topics: byTopic(rotate(partitions), ({ partition, offset }) => ({ partition, fetchOffset: String(offset), maxBytes: maxBytesPerPartition })),
      forgottenTopics: byTopic(forgotten, ({ partition }) => partition),
    };
    const { request } = protocolOf(broker, 'Fetch', parameters);
    const response = { decode: (payload: Buffer) => Promise.resolve(decodeFetch(payload)), parse: (answer: unknown) => Promise.resolve(answer) };
    return (await ask(broker, { request, response })) as FetchAnswer;
  }

  /**
   * All partitions of the request must be led by the broker.
   * @param mayBeSent is asked at the last moment: it may have taken long to connect. Where not, the answer says nothing of any partition
   * @throws when there is no answer
   */
  async produce(leader: number, request: ProduceRequest, mayBeSent?: () => boolean): Promise<ProduceAnswer> {
    const broker = await this.broker(leader);
    if (mayBeSent?.() === false) return { results: [], clientSideThrottleTime: 0 };
    return (await ask(broker, ownProtocol(broker, 'Produce', NEWEST_PRODUCE, encodeProduce(request, Date.now()), decodeProduce))) as ProduceAnswer;
  }

  /** Of a producer without transactions. @throws the broker's error */
  async producerIdentity(): Promise<ProducerIdentity> {
    const cluster = await this.#connect();
    const answer = await this.call(await cluster.brokerPool.findConnectedBroker(), 'InitProducerId', { transactionalId: null, transactionTimeout: 0 });
    const { errorCode, producerId, producerEpoch } = answer as ProducerIdentity & { errorCode: number };
    if (errorCode !== 0) throw errorOfCode(errorCode);
    return { producerId, producerEpoch };
  }

  /** −1 where no record is as young as the timestamp. @throws the broker's error */
  async offset(leader: number, topic: string, partition: number, query: OffsetQuery): Promise<number> {
    const timestamp = typeof query === 'object' ? query.timestamp : query === 'earliest' ? EARLIEST : LATEST;
    const answer = (await this.call(await this.broker(leader), 'ListOffsets', {
      isolationLevel: query === 'stable' ? READ_COMMITTED : READ_UNCOMMITTED,
      topics: [{ topic, partitions: [{ partition, timestamp }] }],
    })) as ListedOffsets;
    const listed = answer.responses[0]?.partitions[0];
    if (listed === undefined || listed.errorCode !== 0) throw errorOfCode(listed?.errorCode ?? -1);
    return Number(listed.offset);
  }

  async broker(node: number): Promise<Broker> {
    const cluster = await this.#connect();
    try {
      return await cluster.findBroker({ nodeId: node });
    } catch (error) {
      // New connections know of nobody, until kafkajs has asked: which it does now, and throws all the same.
      if ((error as Error).name !== BROKER_NOT_FOUND) throw error;
      return cluster.findBroker({ nodeId: node });
    }
  }

  /** The broker that keeps the transactions of that name. */
  async transactionCoordinator(transactionalId: string): Promise<Broker> {
    const cluster = await this.#connect();
    const coordinator = this.#coordinators.get(transactionalId) ?? (await cluster.findGroupCoordinator({ groupId: transactionalId, coordinatorType: TRANSACTION }));
    this.#coordinators.set(transactionalId, coordinator);
    return coordinator;
  }

  /** As if that member had left. @throws the broker's error */
  async removeMember(groupId: string, memberId: string): Promise<void> {
    const cluster = await this.#connect();
    const coordinator = await cluster.findGroupCoordinator({ groupId, coordinatorType: GROUP });
    const { errorCode, members = [] } = (await this.call(coordinator, 'LeaveGroup', { groupId, memberId })) as LeftGroup;
    const failed = [errorCode, ...members.map((member) => member.errorCode)].find((code) => code !== 0);
    if (failed !== undefined) throw errorOfCode(failed);
  }

  /** Differs from that of an earlier topic of the same name; undefined where there is none. */
  async topicId(topic: string): Promise<string | undefined> {
    const cluster = await this.#connect();
    return topicIdOf(await cluster.brokerPool.findConnectedBroker(), topic);
  }

  /** The answer, with what error codes it may hold. @throws when there is none */
  async call(broker: Broker, api: Api, parameters: object): Promise<unknown> {
    return ask(broker, protocolOf(broker, api, parameters));
  }

  /** Forgets connections and metadata. */
  reset(): void {
    const connected = this.#connected;
    this.#connected = undefined;
    this.#coordinators.clear();
    // It waits for requests on their way; nobody waits for it.
    void connected?.then((cluster) => cluster.disconnect()).catch(() => undefined);
  }

  async #connect(): Promise<Cluster> {
    this.#connected ??= (async () => {
      const cluster = createCluster(this.#kafka);
      await cluster.connect();
      return cluster;
    })();
    return this.#connected;
  }
}

function rotate<Item>(items: readonly Item[]): readonly Item[] {
  const offset = Math.floor(Math.random() * items.length);
  return [...items.slice(offset), ...items.slice(0, offset)];
}

function byTopic<Place extends TopicPartition, Item>(places: readonly Place[], toItem: (place: Place) => Item): { topic: string; partitions: Item[] }[] {
  return [...Map.groupBy(places, ({ topic }) => topic)].map(([topic, all]) => ({ topic, partitions: all.map(toItem) }));
}
