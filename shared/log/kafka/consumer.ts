import { messageOf } from '../../errors/index.ts';
import type { Kafka } from 'kafkajs';
import type { AssignedPartition } from '../assigned-partition.ts';
import type { BrokerClock } from '../broker-clock.ts';
import { resolveConsumerOptions, type ResolvedConsumerOptions } from '../consumer-options.ts';
import { ConsumerState } from '../consumer-state.ts';
import { consumerClosed } from '../errors.ts';
import { OVER, Tenures, type Tenure } from '../tenure.ts';
import { keyOf } from '../topic-partition.ts';
import type { ConsumerOptions, LogConsumer, TopicPartition } from '../types.ts';
import type { KafkaAdmin } from './admin.ts';
import { accessFailure } from './access-failures.ts';
import { createAssigner } from './assigner.ts';
import { Backoff, pause, within } from './backoff.ts';
import { isKnown, isOvertaken, NEVER, type CommittedOffsets } from './committed-offsets.ts';
import { classify } from './failures.ts';
import type { FetchedPartition } from './fetch-response.ts';
import { FetchedQueue } from './fetched-queue.ts';
import type { FetchPosition } from './fetch-session.ts';
import type { FetchSource } from './fetch-source.ts';
import { GroupFetcher, type Fetcher } from './group-fetcher.ts';
import { GroupMember } from './group-member.ts';
import type { ResolvedKafkaLogOptions } from './options.ts';
import { TopicIdentities } from './topic-identities.ts';

const REPORT_MISSING_EVERY_MS = 30_000;

type Partition = AssignedPartition<FetchedQueue>;

export interface KafkaConsumerParts {
  /** Learns from what is read. */
  clock: BrokerClock;
  /** Undefined where topics have no ids. */
  topicId: (topic: string) => Promise<string | undefined>;
  /** Before the group is joined. */
  dismissPredecessor: (groupId: string) => Promise<void>;
  /** @default over connections of its own */
  fetcher?: (source: FetchSource) => Fetcher;
}

/**
 * A member of a Kafka consumer group. kafkajs keeps the membership; fetching, delivery, acknowledgement, commits and
 * back-pressure are ours. kafkajs rebalances eagerly: every member stops, joins and starts at the committed offsets. For
 * partitions that stay ours we go on where we were instead, so nothing in flight is delivered twice; and we go on delivering
 * what is ours until all have joined.
 */
export class KafkaConsumer implements LogConsumer {
  readonly #config: ResolvedKafkaLogOptions;
  readonly #options: ResolvedConsumerOptions;
  readonly #admin: KafkaAdmin;
  readonly #clock: BrokerClock;
  readonly #identities: TopicIdentities;
  readonly #state: ConsumerState<FetchedQueue>;
  readonly #member: GroupMember;
  readonly #tenures = new Tenures(() => this.#member.isCertain);
  readonly #fetcher: Fetcher;
  readonly #closing = new AbortController();
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
  #reportMissingAgainAt = 0;

  constructor(kafka: Kafka, config: ResolvedKafkaLogOptions, admin: KafkaAdmin, options: ConsumerOptions, { clock, topicId, dismissPredecessor, fetcher }: KafkaConsumerParts) {
    [this.#config, this.#admin, this.#clock] = [config, admin, clock];
    this.#options = resolveConsumerOptions(options);
    this.#identities = new TopicIdentities(this.#options.topics, topicId, config.logger);
    this.#state = new ConsumerState<FetchedQueue>({
      consumer: this.#options,
      createQueue: () => new FetchedQueue(),
      onRemoved: ({ partition }) => this.#tenures.end(partition),
      onTaken: (partition) => this.#regulate(partition),
      onAcked: () => this.#commitSoon(),
      onError: (error) => this.#fault(error),
    });
    const { groupId, topics, maxFetchBytesPerPartition } = this.#options;
    const assigner = createAssigner(() => [...new Set(this.#state.assignment.map(({ partition }) => partition))]);
    this.#member = new GroupMember(kafka, config, { groupId, topics, assigner, beforeJoining: () => dismissPredecessor(groupId) }, {
      onJoined: (partitions, continuous) => this.#joined(partitions, continuous),
      onRebalancing: () => this.#rebalancing(),
      onDeciding: () => this.#deciding(),
      onLost: (error) => this.#lost(error),
    });
    const source: FetchSource = {
      topics,
      // One fetch may come on top of what waits, so each gets half.
      maxBytesPerPartition: Math.ceil(maxFetchBytesPerPartition / 2),
      positions: () => this.#positions(),
      receive: (fetched, from) => this.#receive(fetched, from),
      outOfRange: (position, earliest) => this.#outOfRange(position, earliest),
      beyondEnd: () => void this.#checkIdentities(),
      failed: (error) => this.#fetchFailed(error),
    };
    this.#fetcher = fetcher?.(source) ?? new GroupFetcher(kafka, config, source);
  }

  get assignment(): readonly TopicPartition[] {
    return this.#state.assignment;
  }

  tenure(partition: number): Tenure {
    return this.#state.has(partition) ? this.#tenures.of(partition) : OVER;
  }

  get inFlight(): number {
    return this.#state.dispatcher.inFlight;
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
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
    this.#closing.abort();
    this.#state.dispatcher.stop();
    await within(this.commit(), this.#config.closeTimeoutMs);
    clearTimeout(this.#commitTimer);
    clearInterval(this.#identityTimer);
    await Promise.all([this.#fetcher.close(), this.#member.close()]);
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
    this.#member.start();
    await joined;
  }

  #joined(partitions: readonly TopicPartition[], continuous: boolean): void {
    this.#joins++;
    // What stays may have been another's meanwhile.
    if (!continuous) this.#tenures.endAll();
    this.#options.onJoined?.();
    this.#state.assign(partitions);
    const all = [...this.#state.partitions];
    // A rebalance while the offsets were being asked for leaves the question open.
    const doubtful = new Set(continuous && !this.#inDoubt ? [] : all.filter(isKnown).map(({ partition }) => partition));
    if (doubtful.size === 0 && all.every(isKnown)) return this.#goOn();
    this.#clarify((committed) => {
      const overtaken = [...this.#state.partitions].filter((partition) => doubtful.has(partition.partition) && isOvertaken(partition, committed));
      return new Map(overtaken.map((partition) => [partition, undefined]));
    });
  }

  /** Fetches, delivers and commits nothing until the group's committed offsets are known. */
  #clarify(overtaken: (committed: CommittedOffsets) => ReadonlyMap<Partition, number | undefined>): void {
    const joins = ++this.#joins;
    this.#inDoubt = true;
    this.#state.dispatcher.suspend();
    void this.#findOut(joins).then((found) => {
      if (found === undefined) return;
      const { committed, anew } = found;
      const restarting = new Map(overtaken(committed));
      // What was committed meanwhile may be an offset of the topic before.
      for (const partition of this.#state.partitions) if (anew.has(partition.topic)) restarting.set(partition, 0);
      this.#startAnew(restarting, committed);
      this.#identities.accept(anew);
      this.#goOn();
    });
  }

  /** Tries until it is known, or a newer question is open: then undefined. */
  async #findOut(joins: number): Promise<{ committed: CommittedOffsets; anew: ReadonlyMap<string, string> } | undefined> {
    const backoff = new Backoff();
    for (;;) {
      const committed = await this.#committedOffsets();
      const anew = await this.#identities.changed();
      if (joins !== this.#joins || this.#closed) return undefined;
      if (committed !== undefined) return { committed, anew };
      await pause(backoff.nextMs(), this.#closing.signal);
    }
  }

  async #checkIdentities(): Promise<void> {
    const joins = this.#joins;
    const anew = await this.#identities.changed();
    if (anew.size > 0 && joins === this.#joins && !this.#inDoubt && !this.#closed) this.#clarify(() => new Map());
  }

  /**
   * Delivers partitions from their committed offsets again, together with the partitions of the same number of all
   * topics: whoever joins records of several topics holds their state by number, and half of it is of no use. Those with
   * an offset of their own start there; those that are new here at their committed offset.
   */
  #startAnew(partitions: ReadonlyMap<Partition, number | undefined>, committed: CommittedOffsets): void {
    const { assignment } = this.#state;
    const numbers = new Set([...partitions.keys()].map(({ partition }) => partition));
    const given = new Map([...partitions].map(([partition, offset]) => [keyOf(partition), offset]));
    this.#state.revoke([...this.#state.partitions].filter(({ partition }) => numbers.has(partition)));
    this.#state.assign(assignment);
    const fresh = [...this.#state.partitions].filter((partition) => !isKnown(partition));
    const isNew = (partition: Partition): boolean => given.get(keyOf(partition)) === undefined && (committed.get(keyOf(partition)) ?? NEVER) === NEVER;
    if (this.#options.startFrom === 'latest') this.#pin(fresh.filter(isNew));
    for (const partition of fresh) partition.queue.startAt(Math.max(0, given.get(keyOf(partition)) ?? committed.get(keyOf(partition)) ?? 0));
  }

  /** Fetches on from where each partition was, and delivers. */
  #goOn(): void {
    this.#inDoubt = false;
    for (const partition of this.#state.partitions) partition.queue.fetchPaused = !this.#wantsMore(partition);
    this.#fetcher.wake();
    this.#state.dispatcher.release();
    this.#onFirstJoin?.();
  }

  /** Undefined when they cannot be had. */
  async #committedOffsets(): Promise<CommittedOffsets | undefined> {
    try {
      const committed = await this.#admin.committedOf(this.#options.groupId, this.#options.topics);
      return new Map(committed.map((place) => [keyOf(place), place.offset]));
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
    if (points.length > 0) void this.#member.commit(points).catch(() => undefined);
  }

  /** Where one of the group has died and is back already, all others wait for the dead one: seven seconds without an answer, were nothing delivered meanwhile. */
  #rebalancing(): void {
    this.#joins++;
    void this.commit();
  }

  #deciding(): void {
    // Until the new assignment is known, any record might be somebody else's.
    this.#joins++;
    this.#state.dispatcher.suspend();
  }

  #lost(error: unknown): void {
    // What is in flight goes on; whether it is still ours shows when we are back.
    this.#joins++;
    this.#state.dispatcher.suspend();
    this.#fault(error);
  }

  /** A topic that is away may be another when it is back. */
  #fetchFailed(error: unknown): void {
    if (classify(error) === 'unknown_topic' && !this.#inDoubt && !this.#closed) this.#clarify(() => new Map());
    this.#fault(error);
  }

  #fault(error: unknown): void {
    if (!this.#isKnownTrouble(error)) this.#options.onFault?.(accessFailure(this.#config.brokers, error) ?? error);
  }

  /** Until a topic that was deleted is there again, each try fails: that is said once in a while. */
  #isKnownTrouble(error: unknown): boolean {
    if (classify(error) !== 'unknown_topic') return false;
    if (Date.now() < this.#reportMissingAgainAt) return true;
    this.#reportMissingAgainAt = Date.now() + REPORT_MISSING_EVERY_MS;
    return false;
  }

  #positions(): FetchPosition[] {
    const positions: FetchPosition[] = [];
    if (this.#inDoubt) return positions;
    for (const { topic, partition, queue } of this.#state.partitions) {
      if (queue.position !== undefined && !queue.fetchPaused) positions.push({ topic, partition, offset: queue.position });
    }
    return positions;
  }

  #receive({ topic, partition: number, records, next, highWatermark, appendedAt }: FetchedPartition, from: number): void {
    const partition = this.#state.get(topic, number);
    if (partition === undefined || this.#inDoubt || partition.queue.position !== from) return;
    const { queue } = partition;
    for (const record of records) if (record.offset >= from) queue.push(record);
    // The broker's clock is past what it has stamped.
    if (appendedAt !== undefined) this.#clock.seen(appendedAt);
    queue.fetchedTo(next ?? from, highWatermark);
    this.#state.dispatcher.wake(partition);
    this.#regulate(partition);
  }

  /** What was to be read next has been deleted: on with what is left. Or it has never been there. */
  #outOfRange({ topic, partition: number, offset }: FetchPosition, earliest: number): void {
    const partition = this.#state.get(topic, number);
    if (partition === undefined || this.#inDoubt || partition.queue.position !== offset) return;
    if (earliest > offset) partition.queue.fetchedTo(earliest, earliest);
    else this.#truncated(partition, earliest);
  }

  /** The log is read again from before what was read already: a part of it is lost, or the topic was deleted and made anew. */
  #truncated(partition: Partition, from: number): void {
    const { topic, partition: number } = partition;
    this.#config.logger.warn({ topic, partition: number, offset: from }, 'the partition was truncated; reading it from its start');
    this.#clarify(() => new Map([[partition, from]]));
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
    if (fetching) this.#fetcher.wake();
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
      await this.#member.commit(points);
      this.#state.committed(points);
    } catch (error) {
      // Watermarks stay; the next timer, rebalance or close tries again.
      this.#config.logger.debug({ group: this.#options.groupId, error: messageOf(error) }, 'offsets not committed yet');
      this.#commitSoon();
    }
  }
}
