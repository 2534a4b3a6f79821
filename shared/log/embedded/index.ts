import { resolveProducerOptions } from '../consumer-options.ts';
import { logClosed } from '../errors.ts';
import type {
  ConsumerOptions, EventLog, ExclusiveWriter, LogProducer, LogRecord, ProducerOptions, ReadOptions, Tail, TailOptions,
} from '../types.ts';
import { EmbeddedAdmin } from './admin.ts';
import { EmbeddedConsumer } from './consumer.ts';
import { resolveEmbeddedLogOptions, type EmbeddedLogOptions } from './options.ts';
import { EmbeddedExclusiveWriter } from './exclusive-writer.ts';
import { EmbeddedProducer } from './producer.ts';
import { readRange } from './read.ts';
import { Store } from './store.ts';
import { EmbeddedTail } from './tail.ts';

/**
 * A partitioned log in this process, with the semantics of the Kafka one: groups, commits, redelivery, compaction.
 * It is not durable, and says so; memory is bounded, and `send` throws `log_full` (retryable) at the bound.
 */
export class EmbeddedLog implements EventLog {
  readonly durable = false;
  readonly description = 'embedded';
  readonly admin: EmbeddedAdmin;
  readonly #store: Store;
  readonly #closing = new AbortController();
  readonly #opened: { close(): Promise<void> }[] = [];

  constructor(options: EmbeddedLogOptions = {}) {
    this.#store = new Store(resolveEmbeddedLogOptions(options));
    this.admin = new EmbeddedAdmin(this.#store);
  }

  /** Bytes of all records held. */
  get bytes(): number {
    return this.#store.bytes;
  }

  async producer(options?: Partial<ProducerOptions>): Promise<LogProducer> {
    resolveProducerOptions(options);
    return this.#open(new EmbeddedProducer(this.#store));
  }

  consumer(options: ConsumerOptions): EmbeddedConsumer {
    return this.#open(new EmbeddedConsumer(this.#store, options));
  }

  async tail(options: TailOptions): Promise<Tail> {
    return this.#open(new EmbeddedTail(this.#store, options));
  }

  async *read(options: ReadOptions): AsyncGenerator<readonly LogRecord[]> {
    const closing = this.#closing.signal;
    const signal = options.signal === undefined ? closing : AbortSignal.any([closing, options.signal]);
    if (!closing.aborted) yield* readRange(this.#store, { ...options, signal });
    if (closing.aborted && options.signal?.aborted !== true) throw logClosed();
  }

  async exclusiveWriter(name: string): Promise<ExclusiveWriter> {
    return this.#open(new EmbeddedExclusiveWriter(this.#store, new EmbeddedProducer(this.#store), name));
  }

  keepPartitions(): void {
    // Its topics never get more.
  }

  now(): number {
    return this.#store.options.clock.now();
  }

  roundTripMs(): undefined {
    return undefined;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#opened.splice(0).map((opened) => opened.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #open<Closable extends { close(): Promise<void> }>(opened: Closable): Closable {
    this.#opened.push(opened);
    return opened;
  }
}

/** @throws {TandemError} `invalid_option` */
export function createEmbeddedLog(options?: EmbeddedLogOptions): EmbeddedLog {
  return new EmbeddedLog(options);
}
