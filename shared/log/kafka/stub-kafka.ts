import type { Kafka } from 'kafkajs';

type Listener = (event: { payload: unknown }) => void;

const EVENTS = ['GROUP_JOIN', 'REBALANCING', 'FETCH', 'HEARTBEAT', 'CRASH', 'REQUEST'] as const;

/** kafkajs for tests: one consumer at a time, which does what the test says. */
export class StubKafka {
  #listeners = new Map<string, Listener[]>();
  #isRunning = false;
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
    if (!this.#isRunning) await new Promise<void>((resolve) => (this.#onRunning = resolve));
  }

  emit(name: (typeof EVENTS)[number], payload: unknown = {}): void {
    for (const listener of this.#listeners.get(name) ?? []) listener({ payload });
  }

  join(memberId: string, memberAssignment: Record<string, number[]>): void {
    this.answer('JoinGroup');
    this.answer('SyncGroup');
    this.emit('GROUP_JOIN', { memberId, memberAssignment });
  }

  /** The coordinator has answered what was sent so long ago. */
  answer(apiName: string, duration = 0): void {
    this.emit('REQUEST', { apiName, duration, sentAt: Date.now() - duration });
  }

  /** Ends the consumer; another is made soon. */
  crash(error: Error): void {
    this.#isRunning = false;
    this.emit('CRASH', { error });
  }

  #createConsumer(): unknown {
    this.#consumers++;
    const listeners = (this.#listeners = new Map<string, Listener[]>());
    return {
      events: Object.fromEntries(EVENTS.map((name) => [name, name])),
      on: (name: string, listener: Listener) => listeners.set(name, [...(listeners.get(name) ?? []), listener]),
      connect: () => Promise.resolve(),
      disconnect: () => Promise.resolve(),
      subscribe: () => Promise.resolve(),
      commitOffsets: () => Promise.resolve(),
      pause: () => undefined,
      run: async () => {
        this.#isRunning = true;
        this.#onRunning?.();
      },
    };
  }
}
