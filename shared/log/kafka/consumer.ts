import { messageOf } from '../../errors/index.ts';
import type { EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import type { AssignedPartition } from '../assigned-partition.ts';
import type { BrokerClock } from '../broker-clock.ts';
import { resolveConsumerOptions, type ResolvedConsumerOptions } from '../consumer-options.ts';
import { ConsumerState } from '../consumer-state.ts';
import { consumerClosed } from '../errors.ts';
import { keyOf } from '../topic-partition.ts';
import type { ConsumerOptions, LogConsumer, TopicPartition } from '../types.ts';
import type { KafkaAdmin } from './admin.ts';
import { accessFailure } from './access-failures.ts';
import { createAssigner } from './assigner.ts';
import { Company } from '../company.ts';
import { pause, within } from './backoff.ts';
import { FetchedQueue } from './fetched-queue.ts';
import { GroupReader } from './group-reader.ts';
import type { ResolvedKafkaLogOptions } from './options.ts';
import { toLogRecord } from './records.ts';
import { TopicIdentities } from './topic-identities.ts';

/** kafkajs' name for stamps of the broker. */
const LOG_APPEND_TIME = 1;

type Partition = AssignedPartition<FetchedQueue>;
/** By `keyOf`; −1 where nothing is committed. */
type CommittedOffsets = ReadonlyMap<string, number>;

export interface KafkaConsumerParts {
  /** Learns from what is read. */
  clock: BrokerClock;
  /** Undefined where topics have no ids. */
  topicId: (topic: string) => Promise<string | undefined>;
}

/**
 * A member of a Kafka consumer group. kafkajs fetches; delivery, acknowledgement, commits and back-pressure are ours.
 * kafkajs rebalances eagerly: every member stops, joins and starts at the committed offsets. For partitions that stay
 * ours we go on where we were instead, so nothing in flight is delivered twice.
 */
export class KafkaConsumer implements LogConsumer {
  readonly #config: ResolvedKafkaLogOptions;
  readonly #options: ResolvedConsumerOptions;
  readonly #admin: KafkaAdmin;
  readonly #clock: BrokerClock;
  readonly #identities: TopicIdentities;
  readonly #state: ConsumerState<FetchedQueue>;
  readonly #reader: GroupReader;
  readonly #roomWaiters = new Set<() => void>();
  readonly #company: Company;
  #commitTimer: NodeJS.Timeout | undefined;
  #identityTimer: NodeJS.Timeout | undefined;
  /** Where the partitions ended when this consumer started. */
  readonly #ends = new Map<string, number>();
  #joins = 0;
  #inDoubt = false;
  #committing: Promise<void> = Promise.resolve();
  #onFirstJoin: (() => void) | undefined;
  #started: Promise<void> | undefined;
  #stopped = false;
  #closed = false;

  constructor(kafka: Kafka, config: ResolvedKafkaLogOptions, admin: KafkaAdmin, options: ConsumerOptions, { clock, topicId }: KafkaConsumerParts) {
    [this.#config, this.#admin, this.#clock] = [config, admin, clock];
    this.#company = new Company(config.gatherMs);
    this.#options = resolveConsumerOptions(options);
    this.#identities = new TopicIdentities(this.#options.topics, topicId, config.logger);
    this.#state = new ConsumerState<FetchedQueue>({
      consumer: this.#options,
      createQueue: () => new FetchedQueue(),
      onTaken: (partition) => this.#regulate(partition),
      onAcked: () => this.#commitSoon(),
      onError: (error) => this.#fault(error),
    });
    const { groupId, topics, startFrom, maxFetchBytesPerPartition } = this.#options;
    const readerOptions = {
      groupId,
      topics,
      fromBeginning: startFrom === 'earliest',
      // One fetch may come on top of what waits, so each gets half.
      maxBytesPerPartition: Math.ceil(maxFetchBytesPerPartition / 2),
      assigner: createAssigner(() => [...new Set(this.#state.assignment.map(({ partition }) => partition))]),
    };
    this.#reader = new GroupReader(kafka, config, readerOptions, {
      onJoined: (partitions, continuous) => this.#joined(partitions, continuous),
      onRebalancing: () => this.#rebalancing(),
      onFetched: () => this.#company.came(performance.now()),
      onBatch: (payload) => this.#receive(payload),
      onFetchedTo: ({ topic, partition }, { offset, highWatermark, records }) => {
        // Control records only, which kafkajs does not show; other batches have been received.
        const queue = this.#state.get(topic, partition)?.queue;
        if (records === 0 && queue?.position !== undefined) queue.fetchedTo(offset + 1, highWatermark);
      },
      onLost: (error, quiet) => this.#lost(error, quiet),
    });
  }

  get assignment(): readonly TopicPartition[] {
    return this.#state.assignment;
  }

  get inFlight(): number {
    return this.#state.dispatcher.inFlight;
  }

  async start(): Promise<void> {
    if (this.#closed) throw consumerClosed();
    return (this.#started ??= this.#start());
  }

  pause(topics: readonly string[] = this.#options.topics): void {
    this.#state.dispatcher.pause(topics);
  }

  resume(topics: readonly string[] = this.#options.topics): void {
    this.#state.dispatcher.resume(topics);
  }

  async commit(): Promise<void> {
    clearTimeout(this.#commitTimer);
    this.#commitTimer = undefined;
    this.#committing = this.#committing.then(() => this.#commitNow());
    return this.#committing;
  }

  lag(topic?: string): number {
    return this.#state.lag(topic);
  }

  stopDelivering(): void {
    this.#stopped = true;
    this.#state.dispatcher.stop();
    this.#regulateAll();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#state.dispatcher.stop();
    await within(this.commit(), this.#config.closeTimeoutMs);
    clearTimeout(this.#commitTimer);
    clearInterval(this.#identityTimer);
    await this.#reader.close();
    this.#state.revokeAll();
    this.#onFirstJoin?.();
  }

  async #start(): Promise<void> {
    // Says at once which topic is missing, where kafkajs would only crash and come back.
    for (const topic of this.#options.topics) {
      for (const { partition, latest } of await this.#admin.offsets(topic)) this.#ends.set(keyOf({ topic, partition }), latest);
    }
    // And that the group may not be joined, where kafkajs would try for ever.
    const [first] = this.#options.topics;
    if (first !== undefined) await this.#admin.committed(this.#options.groupId, first);
    await this.#identities.changed();
    if (this.#closed) return;
    this.#identityTimer = setInterval(() => void this.#checkIdentities(), this.#config.metadataMaxAgeMs);
    const joined = new Promise<void>((resolve) => (this.#onFirstJoin = resolve));
    this.#reader.start();
    await joined;
  }

  #joined(partitions: readonly TopicPartition[], continuous: boolean): void {
    this.#joins++;
    this.#options.onJoined?.();
    this.#state.assign(partitions);
    const known = [...this.#state.partitions].filter(isKnown);
    // A rebalance while the offsets were being asked for leaves the question open.
    const doubtful = new Set(continuous && !this.#inDoubt ? [] : known.map(({ partition }) => partition));
    const unpinned = this.#options.startFrom === 'latest' && [...this.#state.partitions].length > known.length;
    if (doubtful.size === 0 && !unpinned) return this.#goOn();
    this.#clarify((committed) => {
      const overtaken = [...this.#state.partitions].filter((partition) => doubtful.has(partition.partition) && isOvertaken(partition, committed));
      return new Map(overtaken.map((partition) => [partition, undefined]));
    });
  }

  /** Fetches, delivers and commits nothing until the group's committed offsets are known, or cannot be. */
  #clarify(overtaken: (committed: CommittedOffsets | undefined) => ReadonlyMap<Partition, number | undefined>): void {
    const joins = this.#joins;
    this.#inDoubt = true;
    this.#state.dispatcher.suspend();
    for (const partition of this.#state.partitions) this.#reader.pause(partition);
    void Promise.all([this.#committedOffsets(), this.#identities.changed()]).then(([committed, anew]) => {
      if (joins !== this.#joins || this.#closed) return;
      const restarting = new Map(overtaken(committed));
      // What was committed meanwhile may be an offset of the topic before.
      if (committed !== undefined) for (const partition of this.#state.partitions) if (anew.has(partition.topic)) restarting.set(partition, 0);
      this.#startAnew(restarting, committed);
      if (committed !== undefined) this.#identities.accept(anew);
      this.#goOn();
    });
  }

  async #checkIdentities(): Promise<void> {
    const joins = this.#joins;
    const anew = await this.#identities.changed();
    if (anew.size > 0 && joins === this.#joins && !this.#inDoubt && !this.#closed) this.#clarify(() => new Map());
  }

  /**
   * Delivers partitions from their committed offsets again, together with the partitions of the same number of all
   * topics: whoever joins records of several topics holds their state by number, and half of it is of no use. Those with
   * an offset of their own start there.
   */
  #startAnew(partitions: ReadonlyMap<Partition, number | undefined>, committed: CommittedOffsets | undefined): void {
    const { assignment } = this.#state;
    const numbers = new Set([...partitions.keys()].map(({ partition }) => partition));
    const given = new Map([...partitions].map(([partition, offset]) => [keyOf(partition), offset]));
    this.#state.revoke([...this.#state.partitions].filter(({ partition }) => numbers.has(partition)));
    this.#state.assign(assignment);
    const fresh = [...this.#state.partitions].filter((partition) => !isKnown(partition));
    const isNew = (partition: Partition): boolean => given.get(keyOf(partition)) === undefined && committed?.get(keyOf(partition)) === -1;
    if (this.#options.startFrom === 'latest') this.#pin(fresh.filter(isNew));
    if (committed === undefined) return;
    for (const partition of fresh) {
      const offset = given.get(keyOf(partition)) ?? committed.get(keyOf(partition)) ?? 0;
      if (numbers.has(partition.partition)) partition.queue.startAt(Math.max(0, offset));
    }
  }

  /** Fetches on from where each partition was, and delivers. */
  #goOn(): void {
    this.#inDoubt = false;
    for (const partition of this.#state.partitions) {
      const { position } = partition.queue;
      if (position !== undefined) this.#reader.seek(partition, position);
      // kafkajs remembers pauses by partition across assignments, also those of partitions that went and came back.
      partition.queue.fetchPaused = !this.#wantsMore(partition);
      if (partition.queue.fetchPaused) this.#reader.pause(partition);
      else this.#reader.resume(partition);
    }
    this.#state.dispatcher.release();
    this.#onFirstJoin?.();
  }

  /** Undefined when they cannot be had. */
  async #committedOffsets(): Promise<CommittedOffsets | undefined> {
    try {
      const committed = new Map<string, number>();
      for (const topic of this.#options.topics) {
        for (const { partition, offset } of await this.#admin.committed(this.#options.groupId, topic)) committed.set(keyOf({ topic, partition }), offset);
      }
      return committed;
    } catch (error) {
      this.#config.logger.debug({ group: this.#options.groupId, error: messageOf(error) }, 'committed offsets unknown');
      return undefined;
    }
  }

  /** A new group that starts at the end commits where that was, or whoever takes over before its first commit would start later. */
  #pin(partitions: readonly Partition[]): void {
    const points = partitions.flatMap((partition) => {
      // A partition that was not there yet is read whole.
      const offset = this.#ends.get(keyOf(partition)) ?? 0;
      partition.queue.startAt(offset);
      return [{ topic: partition.topic, partition: partition.partition, offset }];
    });
    if (points.length > 0) void this.#reader.commit(points).catch(() => undefined);
  }

  #rebalancing(): void {
    // Until the new assignment is known, any record might be somebody else's.
    this.#joins++;
    this.#state.dispatcher.suspend();
    void this.commit();
  }

  #lost(error: unknown, quiet: boolean): void {
    // What is in flight goes on; whether it is still ours shows when we are back.
    this.#joins++;
    this.#state.dispatcher.suspend();
    if (!quiet) this.#fault(error);
  }

  #fault(error: unknown): void {
    this.#options.onFault?.(accessFailure(this.#config.brokers, error) ?? error);
  }

  async #receive(payload: EachBatchPayload): Promise<void> {
    const { topic, partition: number, highWatermark } = payload.batch;
    const partition = this.#state.get(topic, number);
    if (partition === undefined || this.#inDoubt || payload.isStale()) return;
    const { queue } = partition;
    const fetchedFrom = Number((payload.batch as unknown as { fetchedOffset: string }).fetchedOffset);
    if (queue.position !== undefined && fetchedFrom < queue.position) return this.#truncated(partition, fetchedFrom);
    queue.startAt(fetchedFrom);
    for (const message of payload.batch.messages) {
      if (Number(message.offset) >= (queue.position ?? 0)) queue.push(toLogRecord(partition, message));
    }
    this.#learnTime(payload.batch.messages.at(-1));
    const lastOffset = payload.batch.lastOffset();
    queue.fetchedTo(Number(lastOffset) + 1, Number(highWatermark));
    payload.resolveOffset(payload.batch.messages.at(-1)?.offset ?? lastOffset);
    this.#state.dispatcher.wake(partition);
    this.#regulate(partition);
    const waitMs = this.#company.waitMs(performance.now());
    if (waitMs > 0) await pause(waitMs, this.#reader.closing);
    await this.#waitForRoom(payload);
  }

  /** The broker's clock is past what it has stamped. */
  #learnTime(message: KafkaMessage | undefined): void {
    const context = (message as { batchContext?: { timestampType: number } } | undefined)?.batchContext;
    if (message !== undefined && context?.timestampType === LOG_APPEND_TIME) this.#clock.seen(Number(message.timestamp));
  }

  /** The log is read again from before what was read already: the topic was deleted and made anew. */
  #truncated(partition: Partition, from: number): void {
    const { topic, partition: number } = partition;
    this.#config.logger.warn({ topic, partition: number, offset: from }, 'the partition was truncated; reading it from its start');
    // Without the committed offsets it is found out again, as what is asked for next is still out of range.
    this.#clarify((committed) => new Map(committed === undefined ? [] : [[partition, from]]));
  }

  /**
   * While nothing can be taken in, kafkajs would sleep before it looks again; waiting here goes on at once. Heartbeats
   * keep the membership, and notice rebalances by throwing.
   */
  async #waitForRoom(payload: EachBatchPayload): Promise<void> {
    while (payload.isRunning() && !this.#closed && this.#allFull()) {
      const woken = new AbortController();
      const wake = (): void => woken.abort();
      this.#roomWaiters.add(wake);
      this.#reader.closing.addEventListener('abort', wake);
      await pause(this.#config.heartbeatIntervalMs, woken.signal);
      this.#reader.closing.removeEventListener('abort', wake);
      this.#roomWaiters.delete(wake);
      await payload.heartbeat();
    }
  }

  #allFull(): boolean {
    let any = false;
    for (const { queue } of this.#state.partitions) {
      if (!queue.fetchPaused) return false;
      any ||= !queue.empty;
    }
    return any;
  }

  /**
   * A paused topic is fetched up to its bound, as one whose deliveries wait is: pausing takes effect at once all the same,
   * and can be done many times a second, where kafkajs would drop each fetch that is under way.
   */
  #wantsMore({ queue }: Partition): boolean {
    const limit = this.#options.maxFetchBytesPerPartition / 2;
    return !this.#stopped && queue.bytes < (queue.fetchPaused ? limit / 2 : limit);
  }

  #regulate(partition: Partition): void {
    this.#setFetching(partition, this.#wantsMore(partition));
  }

  #regulateAll(): void {
    for (const partition of this.#state.partitions) this.#regulate(partition);
  }

  #setFetching(partition: Partition, fetching: boolean): void {
    if (partition.queue.fetchPaused !== fetching) return;
    partition.queue.fetchPaused = !fetching;
    if (!fetching) return this.#reader.pause(partition);
    this.#reader.resume(partition);
    for (const wake of this.#roomWaiters) wake();
  }

  #commitSoon(): void {
    if (this.#closed) return;
    this.#commitTimer ??= setTimeout(() => void this.commit(), this.#options.commitIntervalMs);
  }

  async #commitNow(): Promise<void> {
    for (const { queue, tracker } of this.#state.partitions) if (queue.empty && queue.position !== undefined) tracker.skipTo(queue.position);
    const points = this.#state.uncommitted();
    if (points.length === 0) return;
    // Somebody else may have committed more.
    if (this.#inDoubt) return this.#commitSoon();
    if (this.#options.beforeCommit !== undefined) {
      const joins = this.#joins;
      await this.#options.beforeCommit();
      // Some of it may be another's now.
      if (joins !== this.#joins) return this.#commitSoon();
    }
    try {
      await this.#reader.commit(points);
      this.#state.committed(points);
    } catch (error) {
      // Watermarks stay; the next timer, rebalance or close tries again.
      this.#config.logger.debug({ group: this.#options.groupId, error: messageOf(error) }, 'offsets not committed yet');
      this.#commitSoon();
    }
  }
}

/** Whether it is known where the partition is read. */
function isKnown({ queue }: Partition): boolean {
  return queue.position !== undefined;
}

/**
 * After a membership was lost: whether somebody else has got further on the partition meanwhile, or may have. If not,
 * everything below the committed offset, and what is in flight, is ours as before.
 */
function isOvertaken(partition: Partition, committed: CommittedOffsets | undefined): boolean {
  const ours = partition.tracker.watermark ?? partition.queue.position ?? 0;
  return committed === undefined || (committed.get(keyOf(partition)) ?? -1) > ours;
}
