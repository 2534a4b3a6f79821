import { AssignedPartition } from '../assigned-partition.ts';
import { Dispatcher } from '../dispatcher.ts';
import type { Tail, TailOptions } from '../types.ts';
import { Cursor } from './cursor.ts';
import type { Store } from './store.ts';

/** Follows a topic of the embedded log from its start. */
export class EmbeddedTail implements Tail {
  readonly caughtUp: Promise<void>;
  readonly #dispatcher: Dispatcher;
  readonly #partitions: { assigned: AssignedPartition<Cursor>; target: number }[];
  readonly #cleanups: (() => void)[];
  #resolve: () => void = () => undefined;
  #caughtUp = false;

  constructor(store: Store, options: TailOptions) {
    const { topic, startFrom = 'earliest', partitions } = options;
    const read = store.topic(topic).partitions.filter(({ partition }) => partitions?.includes(partition) ?? true);
    this.#partitions = read.map((log) => ({
      assigned: new AssignedPartition({ topic, partition: log.partition }, new Cursor(log, log[startFrom])),
      target: log.latest,
    }));
    this.#dispatcher = new Dispatcher({
      topics: [topic],
      maxInFlight: Number.MAX_SAFE_INTEGER,
      onRecord: (delivery) => {
        delivery.ack();
        options.onRecord(delivery.record);
      },
      onError: (error) => options.onFault?.(error),
      onAcked: () => this.#check(),
      defer: store.options.defer,
    });
    this.caughtUp = new Promise((resolve) => (this.#resolve = resolve));
    const cursors = new Map(this.#partitions.map(({ assigned }) => [assigned.partition, assigned.queue]));
    // What is not read here is nothing to wait for.
    const position = (partition: number): number => cursors.get(partition)?.position ?? Number.POSITIVE_INFINITY;
    this.#cleanups = [
      store.follow(topic, position),
      ...this.#partitions.map(({ assigned }) => assigned.queue.log.subscribe(() => this.#dispatcher.wake(assigned))),
    ];
    for (const { assigned } of this.#partitions) this.#dispatcher.wake(assigned);
    this.#check();
  }

  async close(): Promise<void> {
    this.#dispatcher.stop();
    for (const cleanup of this.#cleanups) cleanup();
    this.#resolve();
  }

  #check(): void {
    if (this.#caughtUp) return;
    this.#caughtUp = this.#partitions.every(({ assigned: { queue }, target }) => queue.position >= target || queue.peek() === undefined);
    if (this.#caughtUp) queueMicrotask(this.#resolve);
  }
}
