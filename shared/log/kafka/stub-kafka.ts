import type { EachBatchPayload, Kafka } from 'kafkajs';

type Listener = (event: { payload: unknown }) => void;

const EVENTS = ['GROUP_JOIN', 'REBALANCING', 'FETCH', 'END_BATCH_PROCESS', 'HEARTBEAT', 'CRASH'] as const;

/** kafkajs for tests: one consumer at a time, which does what the test says. */
export class StubKafka {
  /** Whether seeking, pausing and resuming throw, as they do while kafkajs has no group. */
  failing = false;
  /** As `topic/partition@offset`. */
  readonly seeks: string[] = [];
  #listeners = new Map<string, Listener[]>();
  #eachBatch: ((payload: EachBatchPayload) => Promise<void>) | undefined;
  #consumers = 0;
  #onRunning: (() => void) | undefined;

  get client(): Kafka {
    return { consumer: () => this.#createConsumer() } as unknown as Kafka;
  }

  /** How many consumers were made. */
  get consumers(): number {
    return this.#consumers;
  }

  /** Resolves when a consumer runs that did not when this was last asked. */
  async running(): Promise<void> {
    if (this.#eachBatch === undefined) await new Promise<void>((resolve) => (this.#onRunning = resolve));
  }

  emit(name: (typeof EVENTS)[number], payload: unknown = {}): void {
    for (const listener of this.#listeners.get(name) ?? []) listener({ payload });
  }

  join(memberId: string, memberAssignment: Record<string, number[]>): void {
    this.emit('GROUP_JOIN', { memberId, memberAssignment });
  }

  /** Ends the consumer; another is made soon. */
  crash(error: Error): void {
    this.#eachBatch = undefined;
    this.emit('CRASH', { error });
  }

  /** Fetched records; `end` is the offset after the partition's last one. */
  async fetched({ topic, partition, from, values, end }: { topic: string; partition: number; from: number; values: string[]; end: number }): Promise<void> {
    const messages = values.map((value, index) => ({ offset: String(from + index), key: null, value: Buffer.from(value), headers: {}, timestamp: '0' }));
    const batch = { topic, partition, highWatermark: String(end), messages, fetchedOffset: String(from), lastOffset: () => String(from + values.length - 1) };
    const payload = { batch, isStale: () => false, isRunning: () => false, resolveOffset: () => undefined, heartbeat: () => Promise.resolve() };
    await this.#eachBatch?.(payload as unknown as EachBatchPayload);
  }

  #createConsumer(): unknown {
    this.#consumers++;
    const listeners = (this.#listeners = new Map<string, Listener[]>());
    const fail = (): void => {
      if (this.failing) throw new Error('Consumer group was not initialized');
    };
    return {
      events: Object.fromEntries(EVENTS.map((name) => [name, name])),
      on: (name: string, listener: Listener) => listeners.set(name, [...(listeners.get(name) ?? []), listener]),
      connect: () => Promise.resolve(),
      disconnect: () => Promise.resolve(),
      subscribe: () => Promise.resolve(),
      commitOffsets: () => Promise.resolve(),
      pause: fail,
      resume: fail,
      seek: ({ topic, partition, offset }: { topic: string; partition: number; offset: string }) => {
        fail();
        this.seeks.push(`${topic}/${partition}@${offset}`);
      },
      run: async ({ eachBatch }: { eachBatch: (payload: EachBatchPayload) => Promise<void> }) => {
        this.#eachBatch = eachBatch;
        this.#onRunning?.();
      },
    };
  }
}
