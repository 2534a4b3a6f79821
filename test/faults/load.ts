import { setTimeout as delay } from 'node:timers/promises';
import { topicName } from '@tandem/schemas';
import type { LogProducer } from '@tandem/shared/log';
import type { SentRequest } from './check-types.ts';
import type { Message, Traffic } from './traffic.ts';

const TICK_MS = 5;

export interface LoadOptions {
  producer: LogProducer;
  prefix: string;
  traffic: Traffic;
  requests: number;
  ratePerSecond: number;
}

/** Sends requests at an even rate, whatever becomes of the ones before: an open loop. */
export class Load {
  /** Acknowledged by the broker, so an answer is owed. */
  readonly acknowledged: SentRequest[] = [];
  /** Why the broker refused, if it did. */
  readonly refused: unknown[] = [];
  readonly #options: LoadOptions;
  readonly #pending = new Set<Promise<void>>();
  readonly #repeats: { message: Message; at: number }[] = [];
  #sent = 0;
  #stopped = false;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  get sent(): number {
    return this.#sent;
  }

  /** What users did before, so that there are features to lose. */
  async sendInteractions(): Promise<void> {
    const { producer, prefix, traffic } = this.#options;
    await producer.send(traffic.interactions.map(({ key, value }) => ({ topic: topicName(prefix, 'interactions'), key, value })));
  }

  /** Resolves when all were sent and acknowledged, however long that takes. */
  async run(): Promise<{ startedAt: number; endedAt: number }> {
    const { requests, ratePerSecond, traffic } = this.#options;
    const startedAt = Date.now();
    while (this.#sent < requests && !this.#stopped) {
      const due = Math.min(requests, ((Date.now() - startedAt) / 1_000) * ratePerSecond);
      while (this.#sent < due) this.#first(traffic.next());
      this.#repeatDue();
      await delay(TICK_MS);
    }
    const endedAt = Date.now();
    for (const { message } of this.#repeats.splice(0)) this.#send(message);
    await Promise.all(this.#pending);
    return { startedAt, endedAt };
  }

  stop(): void {
    this.#stopped = true;
  }

  #first(message: Message): void {
    this.#sent += 1;
    this.#send(message, () => this.acknowledged.push(message.sent));
    if (message.repeatAfterMs !== undefined) this.#repeats.push({ message, at: Date.now() + message.repeatAfterMs });
  }

  #repeatDue(): void {
    const now = Date.now();
    for (let index = this.#repeats.length - 1; index >= 0; index -= 1) {
      const { message, at } = this.#repeats[index]!;
      if (at > now) continue;
      this.#repeats.splice(index, 1);
      this.#send(message);
    }
  }

  #send({ topic, key, value }: Message, onDone: () => void = () => undefined): void {
    const { producer, prefix } = this.#options;
    const sending = producer.send([{ topic: topicName(prefix, topic), key, value }])
      .then(onDone, (error: unknown) => void this.refused.push(error))
      .finally(() => this.#pending.delete(sending));
    this.#pending.add(sending);
  }
}
