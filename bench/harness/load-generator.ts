import { HEADER, topicName, type TaskKind } from '@tandem/schemas';
import type { EventLog, LogProducer, LogRecord, OutgoingRecord, Tail } from '@tandem/shared/log';
import { setTimeout as delay } from 'node:timers/promises';
import type { Arrivals } from './arrivals.ts';
import { judge, type Judged, type Received, type Sent } from './judge.ts';
import type { Traffic, TrafficRequest } from './traffic.ts';

export interface LoadOptions {
  log: EventLog;
  /** Of the topics. */
  prefix: string;
  sloMs: number;
}

/** What requests ask for beside their input. */
export interface Ask {
  task: TaskKind;
  deadlineMs: number;
}

export interface Offer extends Ask {
  traffic: Traffic;
  arrivals: Arrivals;
  /** Requests are due for so long, or until there are `count`. */
  seconds: number;
  count?: number;
  /** No more are sent once it says true of an answer. */
  until?: (answer: Buffer) => boolean;
  /** Ends the wait for answers where none has come for so long. @default 1500 */
  quietMs?: number;
  /** Ends the wait for answers at the latest. @default 10000 */
  patienceMs?: number;
}

/** Requests that have become due leave together this often; their latencies count from when each was due. */
const TICK_MS = 2;
const CHECK_MS = 5;

/**
 * Offers requests through the log, open loop: they leave when they are due, however slow the answers are, and latencies count from
 * then (no coordinated omission). Answers are only noted while requests are sent, and read afterwards.
 */
export class LoadGenerator implements AsyncDisposable {
  readonly #options: LoadOptions;
  readonly #producer: LogProducer;
  readonly #topic: string;
  #tail: Tail | undefined;
  #sent: Sent[] = [];
  #received: Received[] = [];
  #lastAnswerAt = 0;
  /** Requests of earlier offers: answers to them are strangers. */
  #base = 0;
  #until: Offer['until'];
  #over = false;
  #failure: unknown;

  private constructor(options: LoadOptions, producer: LogProducer) {
    this.#options = options;
    this.#producer = producer;
    this.#topic = topicName(options.prefix, 'requests');
  }

  static async open(options: LoadOptions): Promise<LoadGenerator> {
    const generator = new LoadGenerator(options, await options.log.producer());
    generator.#tail = await options.log.tail({ topic: topicName(options.prefix, 'responses'), onRecord: (record) => generator.#receive(record) });
    await generator.#tail.caughtUp;
    return generator;
  }

  /** Sends, waits for the answers, and says what came of it. */
  async offer(offer: Offer): Promise<Judged> {
    this.#base += this.#sent.length;
    this.#sent = [];
    this.#received = [];
    this.#until = offer.until;
    this.#over = false;
    const seconds = await this.#send(offer);
    await this.#settle(offer);
    if (this.#failure !== undefined) throw new Error('the load generator could not send', { cause: this.#failure });
    return judge(this.#sent, this.#received, { seconds, sloMs: this.#options.sloMs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([this.#tail?.close(), this.#producer.close()]);
  }

  async #send({ traffic, arrivals, seconds, count = Infinity, ...ask }: Offer): Promise<number> {
    const startedAt = performance.now();
    let dueAfter = arrivals.next();
    while (!this.#over && this.#sent.length < count && dueAfter < seconds * 1_000) {
      const records: OutgoingRecord[] = [];
      const elapsed = performance.now() - startedAt;
      for (; dueAfter <= elapsed && dueAfter < seconds * 1_000 && this.#sent.length < count; dueAfter = arrivals.next()) {
        const request = traffic.next();
        records.push(this.#record(request, ask));
        this.#sent.push({ dueAt: startedAt + dueAfter, target: request.target, event: request.event });
      }
      if (records.length > 0) this.#producer.send(records).catch((error: unknown) => (this.#failure = error));
      await delay(TICK_MS);
    }
    return Number.isFinite(count) ? (performance.now() - startedAt) / 1_000 : seconds;
  }

  #record({ userId, history }: TrafficRequest, { task, deadlineMs }: Ask): OutgoingRecord {
    const requestId = `b${this.#base + this.#sent.length}`;
    const value = `{"requestId":"${requestId}","workload":"recommend","userId":"${userId}","input":{"history":${history},"limit":10},`
      + `"hints":{"task":"${task}","deadlineMs":${deadlineMs},"activity":0.5}}`;
    return { topic: this.#topic, key: userId, value };
  }

  #receive({ headers, value }: LogRecord): void {
    const index = Number((headers[HEADER.requestId] ?? '').slice(1)) - this.#base;
    if (value === null || !(index >= 0)) return;
    this.#lastAnswerAt = performance.now();
    this.#received.push({ index, at: this.#lastAnswerAt, value });
    this.#over ||= this.#until?.(value) === true;
  }

  async #settle({ quietMs = 1_500, patienceMs = 10_000 }: Offer): Promise<void> {
    const startedAt = performance.now();
    const quietFor = () => performance.now() - Math.max(startedAt, this.#lastAnswerAt);
    while (this.#received.length < this.#sent.length && quietFor() < quietMs && performance.now() - startedAt < patienceMs) await delay(CHECK_MS);
  }
}
