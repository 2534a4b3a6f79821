import { resolveConsumerOptions, type ResolvedConsumerOptions } from '../consumer-options.ts';
import { ConsumerState } from '../consumer-state.ts';
import { consumerClosed } from '../errors.ts';
import { OVER, Tenures, type Tenure } from '../tenure.ts';
import type { ConsumerOptions, LogConsumer, TopicPartition } from '../types.ts';
import { Cursor } from './cursor.ts';
import type { Group, Member } from './group.ts';
import type { Store } from './store.ts';

const RESTART_DELAY_MS = 50;

/** A member of a group of the embedded log. */
export class EmbeddedConsumer implements LogConsumer {
  readonly #store: Store;
  readonly #options: ResolvedConsumerOptions;
  readonly #group: Group;
  readonly #state: ConsumerState<Cursor>;
  readonly #unsubscribe = new Map<Cursor, () => void>();
  /** Whoever is in the same process hears of everything at once. */
  readonly #tenures = new Tenures(() => true);
  #member: Member | undefined;
  #cancelCommit: (() => void) | undefined;
  #cancelRestart: (() => void) | undefined;
  #closed = false;

  constructor(store: Store, options: ConsumerOptions) {
    this.#store = store;
    this.#options = resolveConsumerOptions(options);
    this.#group = store.group(options.groupId);
    this.#state = new ConsumerState<Cursor>({
      consumer: this.#options,
      createQueue: (partition) => this.#createCursor(partition),
      onAdded: (assigned) => {
        const { queue } = assigned;
        this.#unsubscribe.set(queue, queue.log.subscribe(() => this.#state.dispatcher.wake(assigned)));
      },
      onRemoved: ({ queue, partition }) => {
        this.#tenures.end(partition);
        this.#unsubscribe.get(queue)?.();
        this.#unsubscribe.delete(queue);
      },
      onAcked: () => this.#commitSoon(),
      onError: (error) => this.#options.onFault?.(error),
      defer: store.options.defer,
    });
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

  async start(): Promise<void> {
    if (this.#closed) throw consumerClosed();
    if (this.#member !== undefined) return;
    for (const topic of this.#options.topics) this.#store.topic(topic);
    await new Promise<void>((resolve) => this.#join(resolve));
  }

  pause(topics: readonly string[] = this.#options.topics): void {
    this.#state.dispatcher.pause(topics);
  }

  resume(topics: readonly string[] = this.#options.topics): void {
    this.#state.dispatcher.resume(topics);
  }

  async commit(): Promise<void> {
    this.#commitNow();
  }

  lag(topic?: string): number {
    return this.#state.lag(topic);
  }

  stopDelivering(): void {
    this.#state.dispatcher.stop();
  }

  async close(): Promise<void> {
    if (!this.#closed) this.#commitNow();
    this.drop();
  }

  /** Ends the member as the death of its process would: nothing is committed. For tests. */
  drop(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#state.dispatcher.stop();
    this.#leave();
  }

  /** Fails the member as a lost connection would: it reports the fault and joins again as a new one. For tests. */
  crash(error: unknown, restartDelayMs = RESTART_DELAY_MS): void {
    // Else it is no member yet, or is about to be one again.
    if (this.#closed || this.#member === undefined) return;
    this.#leave();
    this.#options.onFault?.(error);
    const { clock } = this.#store.options;
    this.#cancelRestart = clock.schedule(clock.now() + restartDelayMs, () => this.#join());
  }

  #join(onAssigned?: () => void): void {
    this.#member = {
      id: this.#group.nextMemberId(),
      topics: this.#options.topics,
      owned: () => [...new Set(this.#state.assignment.map(({ partition }) => partition))],
      prepare: () => {
        this.#commitNow();
        this.#state.dispatcher.suspend();
      },
      assign: (partitions) => {
        this.#options.onJoined?.();
        this.#state.assign(partitions);
        this.#state.dispatcher.release();
        onAssigned?.();
      },
    };
    this.#group.join(this.#member);
  }

  #leave(): void {
    this.#cancelRestart?.();
    this.#cancelCommit?.();
    this.#cancelCommit = undefined;
    this.#state.revokeAll();
    if (this.#member !== undefined) this.#group.leave(this.#member.id);
    this.#member = undefined;
  }

  #createCursor({ topic, partition }: TopicPartition): Cursor {
    const log = this.#store.topic(topic).partitions[partition];
    if (log === undefined) throw new RangeError(`partition ${partition} of ${topic} does not exist`);
    const committed = this.#group.committed(topic, partition);
    if (committed >= 0) return new Cursor(log, committed);
    if (this.#options.startFrom === 'earliest') return new Cursor(log, log.earliest);
    // Whoever takes over before the first commit must not start later than this member did.
    this.#group.commit([{ topic, partition, offset: log.latest }]);
    return new Cursor(log, log.latest);
  }

  #commitSoon(): void {
    if (this.#cancelCommit !== undefined || this.#closed) return;
    const { clock } = this.#store.options;
    this.#cancelCommit = clock.schedule(clock.now() + this.#options.commitIntervalMs, () => this.#commitNow());
  }

  #commitNow(): void {
    this.#cancelCommit?.();
    this.#cancelCommit = undefined;
    const points = this.#state.uncommitted();
    this.#group.commit(points);
    this.#state.committed(points);
  }
}
