import type { Kafka } from 'kafkajs';
import { BrokerClock } from '../broker-clock.ts';
import { resolveProducerOptions } from '../consumer-options.ts';
import type {
  AgreedPartitions, ConsumerOptions, EventLog, ExclusiveWriter, LogConsumer, LogProducer, LogRecord, ProducerOptions, ReadOptions, Tail, TailOptions,
} from '../types.ts';
import { logClosed } from '../errors.ts';
import { isAccessFailure } from './access-failures.ts';
import { AdminClient } from './admin-client.ts';
import { KafkaAdmin } from './admin.ts';
import { persist, within } from './backoff.ts';
import { BatchWriter } from './batch-writer.ts';
import { DirectCluster } from './direct-cluster.ts';
import { KafkaExclusiveWriter, TRANSACTION_TIMEOUT_MS } from './exclusive-writer.ts';
import { createClient } from './client.ts';
import { KafkaConsumer } from './consumer.ts';
import { unreachable } from './failures.ts';
import { resolveKafkaLogOptions, type KafkaLogOptions, type ResolvedKafkaLogOptions } from './options.ts';
import { PartitionReader } from './partition-reader.ts';
import { Predecessors } from './predecessors.ts';
import { openTransactions, TransactionClient } from './transaction-client.ts';
import { KafkaProducer } from './producer.ts';
import { Sockets } from './sockets.ts';
import { KafkaTail, tailTargets } from './tail.ts';
import { TopicLeaders } from './topic-leaders.ts';

/** The event log on Kafka, through kafkajs. */
export class KafkaLog implements EventLog {
  readonly durable = true;
  readonly description: string;
  readonly admin: KafkaAdmin;
  readonly #options: ResolvedKafkaLogOptions;
  readonly #sockets = new Sockets();
  readonly #kafka: Kafka;
  readonly #adminClient: AdminClient;
  readonly #leaders: TopicLeaders;
  readonly #clock: BrokerClock;
  readonly #agreed = new Map<string, number>();
  /** For questions now and then. */
  readonly #cluster: DirectCluster;
  readonly #predecessors: Predecessors;
  readonly #closing = new AbortController();
  readonly #opened = new Set<{ close(): Promise<void> }>();

  constructor(options: KafkaLogOptions) {
    this.#options = resolveKafkaLogOptions(options);
    this.description = `kafka ${this.#options.brokers.join(',')}`;
    this.#kafka = createClient(this.#options, this.#sockets);
    this.#adminClient = new AdminClient(this.#kafka, this.#options);
    this.admin = new KafkaAdmin(this.#adminClient);
    this.#leaders = new TopicLeaders(this.admin, this.#options.metadataMaxAgeMs);
    this.#cluster = new DirectCluster(this.#kafka);
    this.#predecessors = new Predecessors(this.#adminClient, this.#cluster, this.#options);
    this.#clock = new BrokerClock(this.#options.clock);
  }

  async producer(options?: Partial<ProducerOptions>): Promise<LogProducer> {
    const resolved = resolveProducerOptions(options);
    const { settleTimeoutMs, closeTimeoutMs, brokers, logger } = this.#options;
    const writer = new BatchWriter(new DirectCluster(this.#kafka), this.#leaders, logger, this.#clock);
    try {
      await persist(() => writer.connect(), { timeoutMs: settleTimeoutMs, signal: this.#closing.signal, isFinal: isAccessFailure });
    } catch (error) {
      throw unreachable(brokers, error);
    }
    return this.#open(new KafkaProducer(writer, this.#leaders, { ...resolved, closeTimeoutMs, agreed: this.#agreed }));
  }

  consumer(options: ConsumerOptions): LogConsumer {
    return this.#open(new KafkaConsumer(this.#kafka, this.#options, this.admin, options, {
      clock: this.#clock,
      topicId: (topic) => this.#topicId(topic),
      dismissPredecessor: (groupId) => this.#predecessors.dismiss(groupId),
    }));
  }

  async tail(options: TailOptions): Promise<Tail> {
    const tail = new KafkaTail(this.#kafka, this.#options, options, await tailTargets(this.admin, options));
    tail.start();
    return this.#open(tail);
  }

  async *read(options: ReadOptions): AsyncGenerator<readonly LogRecord[]> {
    const closing = this.#closing.signal;
    const signal = options.signal === undefined ? closing : AbortSignal.any([closing, options.signal]);
    if (!closing.aborted) yield* new PartitionReader(this.#kafka, this.#options, options, signal).batches();
    // Whoever reads must not take what there was until then for the whole range.
    if (closing.aborted && options.signal?.aborted !== true) throw logClosed();
  }

  async exclusiveWriter(name: string): Promise<ExclusiveWriter> {
    const { prefix, settleTimeoutMs, closeTimeoutMs, brokers } = this.#options;
    const cluster = new DirectCluster(this.#kafka);
    const client = new TransactionClient(cluster, `${prefix}${name}`, TRANSACTION_TIMEOUT_MS);
    try {
      const identity = await openTransactions(client, cluster, { timeoutMs: settleTimeoutMs, signal: this.#closing.signal });
      const options = { name, cluster, client, identity, leaders: this.#leaders, agreed: this.#agreed, clock: this.#clock, closeTimeoutMs };
      // Writers come and go while the log stays open.
      const writer: KafkaExclusiveWriter = new KafkaExclusiveWriter({ ...options, onClosed: () => this.#opened.delete(writer) });
      return this.#open(writer);
    } catch (error) {
      cluster.reset();
      throw unreachable(brokers, error);
    }
  }

  keepPartitions(counts: AgreedPartitions): void {
    for (const [topic, count] of counts) this.#agreed.set(topic, count);
  }

  now(): number {
    return this.#clock.now();
  }

  roundTripMs(): number | undefined {
    return this.#clock.roundTripMs;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#opened].map((opened) => opened.close()));
    this.#opened.clear();
    await within(this.#adminClient.close(), this.#options.closeTimeoutMs);
    this.#cluster.reset();
    this.#sockets.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #topicId(topic: string): Promise<string | undefined> {
    try {
      return await this.#cluster.topicId(topic);
    } catch (error) {
      this.#cluster.reset();
      throw error;
    }
  }

  #open<Closable extends { close(): Promise<void> }>(opened: Closable): Closable {
    this.#opened.add(opened);
    return opened;
  }
}

/** Connects when something is done with it. @throws {TandemError} `invalid_option` */
export function createKafkaLog(options: KafkaLogOptions): KafkaLog {
  return new KafkaLog(options);
}
