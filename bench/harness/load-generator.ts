import { HEADER, topicName } from '@tandem/schemas';
import type { EventLog, LogProducer, OutgoingRecord, Tail } from '@tandem/shared/log';
import type { Judged } from './judge.ts';
import { OpenLoop, type DueRequest, type Load, type Offer } from './open-loop.ts';

export interface LoadOptions {
  log: EventLog;
  /** Of the topics. */
  prefix: string;
  sloMs: number;
}

/** Offers requests through the log and hears all responses. */
export class LoadGenerator implements Load {
  readonly #producer: LogProducer;
  readonly #topic: string;
  readonly #loop: OpenLoop;
  #tail: Tail | undefined;

  private constructor({ prefix, sloMs }: LoadOptions, producer: LogProducer) {
    this.#producer = producer;
    this.#topic = topicName(prefix, 'requests');
    this.#loop = new OpenLoop(sloMs, (requests) => {
      this.#producer.send(requests.map((request) => this.#record(request))).catch((error: unknown) => this.#loop.failed(error));
    });
  }

  static async open(options: LoadOptions): Promise<LoadGenerator> {
    const generator = new LoadGenerator(options, await options.log.producer());
    const onRecord: Parameters<EventLog['tail']>[0]['onRecord'] = ({ headers, value }) => {
      if (value !== null) generator.#loop.answered(Number((headers[HEADER.requestId] ?? '').slice(1)), value);
    };
    generator.#tail = await options.log.tail({ topic: topicName(options.prefix, 'responses'), onRecord });
    await generator.#tail.caughtUp;
    return generator;
  }

  offer(offer: Offer): Promise<Judged> {
    return this.#loop.offer(offer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([this.#tail?.close(), this.#producer.close()]);
  }

  #record({ number, request: { userId, history }, task, deadlineMs }: DueRequest): OutgoingRecord {
    const value = `{"requestId":"b${number}","workload":"recommend","userId":"${userId}","input":{"history":${history},"limit":10},`
      + `"hints":{"task":"${task}","deadlineMs":${deadlineMs},"activity":0.5}}`;
    return { topic: this.#topic, key: userId, value };
  }
}
