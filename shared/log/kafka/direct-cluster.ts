import type { Kafka } from 'kafkajs';
import { decodeFetch, type FetchedPartition } from './fetch-response.ts';
import { ask, createCluster, errorOfCode, protocolOf, READ_COMMITTED, READ_UNCOMMITTED, TRANSACTION, type Api, type Broker, type Cluster } from './kafkajs-internals.ts';
import { topicIdOf } from './topic-id.ts';

// Asked for by name: -2 and -1 stand for the start and the end. Source: the protocol's ListOffsets request.
const EARLIEST = -2;
const LATEST = -1;
const TOPIC_FETCH_BYTES = 8_388_608;

export interface FetchRequest {
  topic: string;
  /** The offset to read from, by partition; all of them led by the broker that is asked. */
  positions: ReadonlyMap<number, number>;
  /** The answer waits so long for a record. */
  maxWaitMs: number;
  maxBytesPerPartition: number;
}

/** Where to look in a partition; `stable` is where the first open transaction begins, else the end. */
export type OffsetQuery = 'earliest' | 'latest' | 'stable' | { timestamp: number };

interface ListedOffsets {
  responses: { partitions: { errorCode: number; offset: string }[] }[];
}

/**
 * Requests to the brokers of a cluster about one topic, without a group. Connects when first asked. Whatever fails, the
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

  async fetch(leader: number, { topic, positions, maxWaitMs, maxBytesPerPartition }: FetchRequest): Promise<{ throttled: boolean; partitions: FetchedPartition[] }> {
    const broker = await this.broker(leader);
    // Whoever comes first in the request may fill the answer, so each is first in turn.
    const partitions = rotate([...positions]).map(([partition, offset]) => ({ partition, fetchOffset: String(offset), maxBytes: maxBytesPerPartition }));
    const parameters = {
      replicaId: -1,
      isolationLevel: READ_COMMITTED,
      maxWaitTime: maxWaitMs,
      minBytes: 1,
      maxBytes: Math.max(maxBytesPerPartition, TOPIC_FETCH_BYTES),
      topics: [{ topic, partitions }],
    };
    const { request } = protocolOf(broker, 'Fetch', parameters);
    return (await ask(broker, { request, response: { decode: decodeFetch, parse: (answer) => Promise.resolve(answer) } })) as Awaited<ReturnType<typeof decodeFetch>>;
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
    return cluster.findBroker({ nodeId: node });
  }

  /** The broker that keeps the transactions of that name. */
  async transactionCoordinator(transactionalId: string): Promise<Broker> {
    const cluster = await this.#connect();
    const coordinator = this.#coordinators.get(transactionalId) ?? (await cluster.findGroupCoordinator({ groupId: transactionalId, coordinatorType: TRANSACTION }));
    this.#coordinators.set(transactionalId, coordinator);
    return coordinator;
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

function rotate<Item>(items: Item[]): Item[] {
  const offset = Math.floor(Math.random() * items.length);
  return [...items.slice(offset), ...items.slice(0, offset)];
}
