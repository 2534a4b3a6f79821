import { messageOf } from '../../errors/index.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Consumer, EachBatchPayload, Kafka, PartitionAssigner } from 'kafkajs';
import type { CommitPoint } from '../consumer-state.ts';
import type { TopicPartition } from '../types.ts';
import { Backoff, pause, within } from './backoff.ts';
import { classify } from './failures.ts';
import type { ResolvedKafkaLogOptions } from './options.ts';

/** kafkajs tries for about ten seconds before it gives up and crashes, which costs the member its place in the group. */
const RETRY = { initialRetryTime: 100, multiplier: 2, factor: 0.2, maxRetryTime: 2_000, retries: 8 };
/** A consumer that neither fetches nor beats is dead. */
const STALLED_AFTER_MS = 90_000;
/** Handlers take a batch in at once; they wait only for room or company, and need not wait for each other. */
const CONCURRENT_BATCHES = 64;
const REPORT_MISSING_EVERY_MS = 30_000;

export interface GroupReaderOptions {
  groupId: string;
  topics: readonly string[];
  fromBeginning: boolean;
  maxBytesPerPartition: number;
  assigner: PartitionAssigner;
}

export interface GroupReaderHandlers {
  /** The partitions are ours; `continuous` when the membership, and with it the ownership of what stays, is unbroken. */
  onJoined(partitions: readonly TopicPartition[], continuous: boolean): void;
  onRebalancing?(): void;
  /** An answer to a fetch has come; its batches follow. */
  onFetched?(): void;
  onBatch(payload: EachBatchPayload): Promise<void>;
  /** Offsets up to this one have been fetched and handled, with as many records. */
  onFetchedTo?(partition: TopicPartition, fetched: { offset: number; highWatermark: number; records: number }): void;
  /** The membership is lost. A new one is being sought. Quiet where the same was said a moment ago. */
  onLost(error: unknown, quiet: boolean): void;
}

/**
 * A kafkajs consumer under supervision: whatever ends it (kafkajs crashes on errors that it calls non-retriable, and
 * then stays silent), it comes back with backoff until it is closed.
 */
export class GroupReader {
  readonly #kafka: Kafka;
  readonly #config: ResolvedKafkaLogOptions;
  readonly #options: GroupReaderOptions;
  readonly #handlers: GroupReaderHandlers;
  readonly #logger: Logger;
  readonly #backoff = new Backoff();
  readonly #closing = new AbortController();
  #consumer: Consumer | undefined;
  #memberId: string | undefined;
  #lastActivity = Date.now();
  #watchdog: NodeJS.Timeout | undefined;
  #restarting: Promise<void> | undefined;
  #reportMissingAgainAt = 0;

  constructor(kafka: Kafka, config: ResolvedKafkaLogOptions, options: GroupReaderOptions, handlers: GroupReaderHandlers) {
    this.#kafka = kafka;
    this.#config = config;
    this.#options = options;
    this.#handlers = handlers;
    this.#logger = config.logger.child({ group: options.groupId });
  }

  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Joining goes on in the background, with retries. */
  start(): void {
    this.#watchdog ??= setInterval(() => this.#checkActivity(), STALLED_AFTER_MS / 10);
    this.#restarting ??= this.#restart(0);
  }

  seek(partition: TopicPartition, offset: number): void {
    this.#tell((consumer) => consumer.seek({ ...partition, offset: String(offset) }));
  }

  pause({ topic, partition }: TopicPartition): void {
    this.#tell((consumer) => consumer.pause([{ topic, partitions: [partition] }]));
  }

  resume({ topic, partition }: TopicPartition): void {
    this.#tell((consumer) => consumer.resume([{ topic, partitions: [partition] }]));
  }

  /** @throws when the group rebalances or the coordinator is away */
  async commit(points: readonly CommitPoint[]): Promise<void> {
    if (this.#consumer === undefined || this.#memberId === undefined) throw new Error('not a member of the group');
    await this.#consumer.commitOffsets(points.map(({ topic, partition, offset }) => ({ topic, partition, offset: String(offset) })));
  }

  /** Leaves the group. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#watchdog);
    // kafkajs joins on when it is told to disconnect while it joins.
    await within(this.#restarting ?? Promise.resolve(), this.#config.closeTimeoutMs);
    const consumer = this.#consumer;
    this.#consumer = undefined;
    if (consumer !== undefined) await within(quietly(consumer.disconnect()), this.#config.closeTimeoutMs);
  }

  /** kafkajs throws while it has no group; whoever goes on after the next join says all of this again. */
  #tell(command: (consumer: Consumer) => void): void {
    if (this.#consumer === undefined) return;
    try {
      command(this.#consumer);
    } catch (error) {
      this.#logger.debug({ error: messageOf(error) }, 'the consumer has no group at the moment');
    }
  }

  async #restart(delayMs: number): Promise<void> {
    await pause(delayMs, this.#closing.signal);
    if (this.#closing.signal.aborted) return;
    const consumer = this.#create();
    this.#consumer = consumer;
    this.#lastActivity = Date.now();
    try {
      await consumer.connect();
      if (this.#closing.signal.aborted) return;
      await consumer.subscribe({ topics: [...this.#options.topics], fromBeginning: this.#options.fromBeginning });
      // What fails from here on comes as a crash.
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: CONCURRENT_BATCHES,
        eachBatch: (payload) => (this.#consumer === consumer ? this.#handlers.onBatch(payload) : Promise.resolve()),
      });
    } catch (error) {
      this.#lose(consumer, error);
    }
  }

  #create(): Consumer {
    const { groupId, maxBytesPerPartition, assigner } = this.#options;
    const consumer = this.#kafka.consumer({
      groupId,
      partitionAssigners: [assigner],
      sessionTimeout: this.#config.sessionTimeoutMs,
      heartbeatInterval: this.#config.heartbeatIntervalMs,
      rebalanceTimeout: this.#config.rebalanceTimeoutMs,
      maxWaitTimeInMs: this.#config.maxFetchWaitMs,
      maxBytesPerPartition,
      metadataMaxAge: this.#config.metadataMaxAgeMs,
      allowAutoTopicCreation: false,
      retry: { ...RETRY, restartOnFailure: () => Promise.resolve(false) },
    });
    const current = <Event>(listen: (event: Event) => void) => (event: Event): void => {
      if (this.#consumer !== consumer) return;
      this.#lastActivity = Date.now();
      listen(event);
    };
    const { events } = consumer;
    consumer.on(events.GROUP_JOIN, current(({ payload }) => this.#joined(payload)));
    consumer.on(events.REBALANCING, current(() => this.#handlers.onRebalancing?.()));
    consumer.on(
      events.END_BATCH_PROCESS,
      current(({ payload: { topic, partition, lastOffset, highWatermark, batchSize } }) => {
        const fetched = { offset: Number(lastOffset), highWatermark: Number(highWatermark), records: batchSize };
        this.#handlers.onFetchedTo?.({ topic, partition }, fetched);
      }),
    );
    consumer.on(events.FETCH, current(() => this.#handlers.onFetched?.()));
    // A consumer that waits for room does nothing else.
    consumer.on(events.HEARTBEAT, current(() => undefined));
    // One that was given up while it joined is a member all the same, and would keep its partitions for nobody.
    consumer.on(events.FETCH, () => {
      if (this.#consumer !== consumer) void quietly(consumer.disconnect());
    });
    consumer.on(events.CRASH, current(({ payload }) => this.#lose(consumer, payload.error)));
    return consumer;
  }

  #joined({ memberId, memberAssignment }: { memberId: string; memberAssignment: Record<string, number[]> }): void {
    const continuous = this.#memberId === memberId;
    this.#memberId = memberId;
    this.#backoff.reset();
    const partitions = Object.entries(memberAssignment).flatMap(([topic, numbers]) => numbers.map((partition) => ({ topic, partition })));
    this.#logger.debug({ memberId, partitions: partitions.length }, 'joined the consumer group');
    this.#handlers.onJoined(partitions, continuous);
  }

  #lose(consumer: Consumer, error: unknown): void {
    if (this.#consumer !== consumer) return;
    this.#consumer = undefined;
    this.#memberId = undefined;
    void quietly(consumer.disconnect());
    if (this.#closing.signal.aborted) return;
    const delayMs = Math.round(this.#backoff.nextMs());
    const quiet = this.#isKnownTrouble(error);
    this.#logger[quiet ? 'debug' : 'warn']({ error: messageOf(error), restartInMs: delayMs }, 'the consumer failed and restarts');
    this.#handlers.onLost(error, quiet);
    this.#restarting = this.#restart(delayMs);
  }

  /** Until a topic that was deleted is there again, each try fails: that is said once in a while. */
  #isKnownTrouble(error: unknown): boolean {
    if (classify(error) !== 'unknown_topic') return false;
    if (Date.now() < this.#reportMissingAgainAt) return true;
    this.#reportMissingAgainAt = Date.now() + REPORT_MISSING_EVERY_MS;
    return false;
  }

  #checkActivity(): void {
    const silentMs = Date.now() - this.#lastActivity;
    if (this.#consumer !== undefined && silentMs > STALLED_AFTER_MS) this.#lose(this.#consumer, new Error(`no sign of life for ${silentMs} ms`));
  }
}

async function quietly(promise: Promise<void>): Promise<void> {
  await promise.catch(() => undefined);
}
