import { messageOf } from '../../errors/index.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Consumer, Kafka, PartitionAssigner } from 'kafkajs';
import type { CommitPoint } from '../consumer-state.ts';
import type { TopicPartition } from '../types.ts';
import { Backoff, pause, within } from './backoff.ts';
import { MembershipLease } from './membership-lease.ts';
import type { ResolvedKafkaLogOptions } from './options.ts';

/** kafkajs tries for about ten seconds before it gives up and crashes, which costs the member its place in the group. */
const RETRY = { initialRetryTime: 100, multiplier: 2, factor: 0.2, maxRetryTime: 2_000, retries: 8 };
/** A consumer that neither fetches nor beats is dead. */
const STALLED_AFTER_MS = 90_000;
/** With everything paused kafkajs sleeps for so long, then looks whether it is time for a heartbeat. */
const IDLE_MS = 200;

export interface GroupMemberOptions {
  groupId: string;
  topics: readonly string[];
  assigner: PartitionAssigner;
  /** Is waited for once, before it joins for the first time. Never rejects. */
  beforeJoining: () => Promise<void>;
}

export interface GroupMemberHandlers {
  /** The partitions are ours; `continuous` when the membership, and with it the ownership of what stays, is unbroken. */
  onJoined(partitions: readonly TopicPartition[], continuous: boolean): void;
  /** The group rebalances: whoever is a member joins anew. Until all have, which may take the session timeout of one that died, what is ours stays ours. */
  onRebalancing?(): void;
  /** All have joined: from now on what was ours may be another's. */
  onDeciding?(): void;
  /** The membership is lost. A new one is being sought. */
  onLost(error: unknown): void;
}

/**
 * The membership of a consumer group: a kafkajs consumer under supervision, which fetches nothing. Whatever ends it (kafkajs
 * crashes on errors that it calls non-retriable, and then stays silent), it comes back with backoff until it is closed.
 */
export class GroupMember {
  readonly #kafka: Kafka;
  readonly #config: ResolvedKafkaLogOptions;
  readonly #options: GroupMemberOptions;
  readonly #handlers: GroupMemberHandlers;
  readonly #logger: Logger;
  readonly #backoff = new Backoff();
  readonly #closing = new AbortController();
  #consumer: Consumer | undefined;
  #memberId: string | undefined;
  #lastActivity = Date.now();
  readonly #lease: MembershipLease;
  /** When that was sent which the coordinator has answered last. */
  #sentAt = { monotonic: -Infinity, wall: -Infinity };
  #watchdog: NodeJS.Timeout | undefined;
  #restarting: Promise<void> | undefined;

  constructor(kafka: Kafka, config: ResolvedKafkaLogOptions, options: GroupMemberOptions, handlers: GroupMemberHandlers) {
    this.#kafka = kafka;
    this.#config = config;
    this.#options = options;
    this.#handlers = handlers;
    this.#logger = config.logger.child({ group: options.groupId });
    this.#lease = new MembershipLease(config.sessionTimeoutMs);
  }

  /** Nobody else can have been given our partitions since they were given to us. */
  get isCertain(): boolean {
    return this.#lease.holds;
  }

  /** Joining goes on in the background, with retries. */
  start(): void {
    this.#watchdog ??= setInterval(() => this.#checkActivity(), STALLED_AFTER_MS / 10);
    this.#restarting ??= this.#options.beforeJoining().then(() => this.#restart(0));
  }

  /** @throws when the group rebalances or the coordinator is away */
  async commit(points: readonly CommitPoint[]): Promise<void> {
    if (this.#consumer === undefined || this.#memberId === undefined) throw new Error('not a member of the group');
    await this.#consumer.commitOffsets(points.map(({ topic, partition, offset }) => ({ topic, partition, offset: String(offset) })));
  }

  /** Leaves the group. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#lease.lapse();
    clearInterval(this.#watchdog);
    // kafkajs joins on when it is told to disconnect while it joins.
    await within(this.#restarting ?? Promise.resolve(), this.#config.closeTimeoutMs);
    const consumer = this.#consumer;
    this.#consumer = undefined;
    if (consumer !== undefined) await within(quietly(consumer.disconnect()), this.#config.closeTimeoutMs);
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
      await consumer.subscribe({ topics: [...this.#options.topics] });
      // What fails from here on comes as a crash.
      await consumer.run({ autoCommit: false, eachBatch: () => Promise.resolve() });
    } catch (error) {
      this.#lose(consumer, error);
    }
  }

  #create(): Consumer {
    const { groupId, assigner } = this.#options;
    const consumer = this.#kafka.consumer({
      groupId,
      partitionAssigners: [assigner],
      sessionTimeout: this.#config.sessionTimeoutMs,
      heartbeatInterval: this.#config.heartbeatIntervalMs,
      rebalanceTimeout: this.#config.rebalanceTimeoutMs,
      maxWaitTimeInMs: IDLE_MS,
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
    consumer.on(
      events.GROUP_JOIN,
      current(({ payload }) => {
        // Before it fetches: who is a member is kafkajs' part, reading is ours.
        consumer.pause(this.#options.topics.map((topic) => ({ topic })));
        this.#joined(payload);
      }),
    );
    consumer.on(
      events.REBALANCING,
      current(() => {
        this.#lease.rejoining();
        this.#handlers.onRebalancing?.();
      }),
    );
    consumer.on(events.FETCH, current(() => undefined));
    consumer.on(events.HEARTBEAT, current(() => this.#confirmed()));
    consumer.on(events.REQUEST, ({ payload }) => this.#consumer === consumer && this.#answered(payload));
    // One that was given up while it joined is a member all the same, and would keep its partitions for nobody.
    consumer.on(events.FETCH, () => {
      if (this.#consumer !== consumer) void quietly(consumer.disconnect());
    });
    consumer.on(events.CRASH, current(({ payload }) => this.#lose(consumer, payload.error)));
    return consumer;
  }

  /** kafkajs says next whether the coordinator's answer was good. */
  #answered({ apiName, duration, sentAt }: { apiName: string; duration: number; sentAt: number }): void {
    // All have joined: it is being decided who gets what.
    if (apiName === 'JoinGroup') {
      this.#lease.lapse();
      this.#handlers.onDeciding?.();
    }
    if (apiName === 'Heartbeat' || apiName === 'SyncGroup') this.#sentAt = { monotonic: performance.now() - duration, wall: sentAt };
  }

  #confirmed(): void {
    if (!this.#closing.signal.aborted) this.#lease.confirmed(this.#sentAt);
  }

  #joined({ memberId, memberAssignment }: { memberId: string; memberAssignment: Record<string, number[]> }): void {
    const continuous = this.#memberId === memberId;
    this.#memberId = memberId;
    this.#confirmed();
    this.#backoff.reset();
    const partitions = Object.entries(memberAssignment).flatMap(([topic, numbers]) => numbers.map((partition) => ({ topic, partition })));
    this.#logger.debug({ memberId, partitions: partitions.length }, 'joined the consumer group');
    this.#handlers.onJoined(partitions, continuous);
  }

  #lose(consumer: Consumer, error: unknown): void {
    if (this.#consumer !== consumer) return;
    this.#consumer = undefined;
    this.#memberId = undefined;
    this.#lease.lapse();
    void quietly(consumer.disconnect());
    if (this.#closing.signal.aborted) return;
    const delayMs = Math.round(this.#backoff.nextMs());
    this.#logger.debug({ error: messageOf(error), restartInMs: delayMs }, 'the consumer failed and restarts');
    this.#handlers.onLost(error);
    this.#restarting = this.#restart(delayMs);
  }

  #checkActivity(): void {
    const silentMs = Date.now() - this.#lastActivity;
    if (this.#consumer !== undefined && silentMs > STALLED_AFTER_MS) this.#lose(this.#consumer, new Error(`no sign of life for ${silentMs} ms`));
  }
}

async function quietly(promise: Promise<void>): Promise<void> {
  await promise.catch(() => undefined);
}
