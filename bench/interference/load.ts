import { randomUUID } from 'node:crypto';
import { HEADER, topicName, type Response } from '@tandem/schemas';
import type { EventLog, LogConsumer, LogProducer } from '@tandem/shared/log';
import { setTimeout as delay } from 'node:timers/promises';

export type Lane = 'interactive' | 'bulk';

/** What came back in a span of time. */
export interface Collected {
  /** From when a request was due, ms. */
  latenciesMs: number[];
  batchMs: number[];
  batchSizes: number[];
}

/** Sends requests of both lanes and hears all responses. */
export class Load {
  readonly #producer: LogProducer;
  readonly #prefix: string;
  readonly #task: string;
  readonly #consumer: LogConsumer;
  readonly #due = new Map<string, { at: number; lane: Lane }>();
  #collected: Record<Lane, Collected> = { interactive: nothing(), bulk: nothing() };
  #outstanding: Record<Lane, number> = { interactive: 0, bulk: 0 };
  #next = 0;

  private constructor(log: EventLog, prefix: string, task: string, producer: LogProducer) {
    this.#prefix = prefix;
    this.#task = task;
    this.#producer = producer;
    this.#consumer = log.consumer({
      groupId: `${prefix}bench.${randomUUID()}`,
      topics: [topicName(prefix, 'responses')],
      startFrom: 'latest',
      onRecord: (delivery) => {
        this.#received(delivery.record.headers[HEADER.requestId], delivery.record.value);
        delivery.ack();
      },
    });
  }

  static async open(log: EventLog, prefix: string, task: string): Promise<Load> {
    const load = new Load(log, prefix, task, await log.producer());
    await load.#consumer.start();
    return load;
  }

  outstanding(lane: Lane): number {
    return this.#outstanding[lane];
  }

  /** What has come since the last call. */
  take(): Record<Lane, Collected> {
    const taken = this.#collected;
    this.#collected = { interactive: nothing(), bulk: nothing() };
    return taken;
  }

  /** Open loop: requests leave when they are due, however slow answers are. */
  async atRate(perSecond: number, signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    for (let sent = 0; !signal.aborted; await delay(2)) {
      const due = ((performance.now() - startedAt) / 1_000) * perSecond;
      for (; sent < due; sent += 1) this.#send('interactive', startedAt + (sent * 1_000) / perSecond);
    }
  }

  /** Closed loop: always as many outstanding. */
  async flood(lane: Lane, outstanding: number, signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; await delay(5)) {
      while (this.#outstanding[lane] < outstanding) this.#send(lane, performance.now());
    }
  }

  async drained(timeoutMs = 60_000): Promise<void> {
    const until = performance.now() + timeoutMs;
    while (this.#outstanding.bulk + this.#outstanding.interactive > 0 && performance.now() < until) await delay(50);
  }

  async close(): Promise<void> {
    await Promise.all([this.#consumer.close(), this.#producer.close()]);
  }

  #send(lane: Lane, at: number): void {
    const index = (this.#next += 1);
    const requestId = `${lane}-${index}-${randomUUID().slice(0, 6)}`;
    this.#due.set(requestId, { at, lane });
    this.#outstanding[lane] += 1;
    const userId = `u${index % 2_000}`;
    const history = Array.from({ length: 20 + (index % 30) }, (_, place) => String(1 + ((index * 31 + place * 17) % 3_000)));
    const hints = { task: this.#task, activity: 0.5, ...(lane === 'interactive' ? { deadlineMs: 10_000 } : {}) };
    const value = JSON.stringify({ requestId, workload: 'recommend', userId, input: { history }, hints });
    void this.#producer.send([{ topic: topicName(this.#prefix, lane === 'bulk' ? 'requests.bulk' : 'requests'), key: userId, value }]);
  }

  #received(id: string | undefined, value: Buffer | null): void {
    const response = JSON.parse(value?.toString('utf8') ?? '') as Response;
    const due = this.#due.get(id ?? response.requestId);
    if (due === undefined) return;
    this.#due.delete(response.requestId);
    this.#outstanding[due.lane] -= 1;
    const collected = this.#collected[due.lane];
    collected.latenciesMs.push(performance.now() - due.at);
    for (const { computeMs, batchSize } of response.steps) {
      collected.batchMs.push(computeMs);
      collected.batchSizes.push(batchSize);
    }
  }
}

function nothing(): Collected {
  return { latenciesMs: [], batchMs: [], batchSizes: [] };
}
