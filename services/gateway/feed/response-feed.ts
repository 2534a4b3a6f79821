import { topicName } from '@tandem/schemas';
import type { EventLog, LogRecord, Tail } from '@tandem/shared/log';
import type { Logger } from '@tandem/shared/telemetry';

export type FeedListener = (record: LogRecord) => void;

export interface ResponseFeedOptions {
  log: EventLog;
  prefix: string;
  logger: Logger;
}

/** The topic of responses from now on, read once for all who follow it here, and not at all while nobody does. */
export class ResponseFeed {
  readonly #options: ResponseFeedOptions;
  readonly #listeners = new Set<FeedListener>();
  #tail: Promise<Tail> | undefined;

  constructor(options: ResponseFeedOptions) {
    this.#options = options;
  }

  get followers(): number {
    return this.#listeners.size;
  }

  /** Resolves when nothing that is written from now on is missed. @returns ends it */
  async follow(listener: FeedListener): Promise<() => void> {
    this.#listeners.add(listener);
    const tail = (this.#tail ??= this.#open());
    try {
      await tail;
    } catch (error) {
      // The next follower tries anew.
      if (this.#tail === tail) this.#tail = undefined;
      this.#leave(listener);
      throw error;
    }
    return () => this.#leave(listener);
  }

  /** The next offset of each partition. */
  async ends(): Promise<Map<number, number>> {
    const { log, prefix } = this.#options;
    const offsets = await log.admin.offsets(topicName(prefix, 'responses'));
    return new Map(offsets.map(({ partition, latest }) => [partition, latest]));
  }

  /** What was written from these offsets on, until now. */
  async *read(partition: number, from: number, signal: AbortSignal): AsyncGenerator<LogRecord> {
    const { log, prefix } = this.#options;
    for await (const records of log.read({ topic: topicName(prefix, 'responses'), partition, from: { offset: from }, signal })) yield* records;
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    await (await this.#tail?.catch(() => undefined))?.close();
    this.#tail = undefined;
  }

  #leave(listener: FeedListener): void {
    if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
    void this.#tail?.then((tail) => tail.close(), () => undefined);
    this.#tail = undefined;
  }

  #open(): Promise<Tail> {
    const { log, prefix, logger } = this.#options;
    return log.tail({
      topic: topicName(prefix, 'responses'),
      startFrom: 'latest',
      onRecord: (record) => {
        for (const listener of [...this.#listeners]) listener(record);
      },
      onFault: (err) => logger.debug({ err }, 'responses cannot be read at the moment; trying on'),
    });
  }
}
