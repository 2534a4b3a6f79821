import { randomBytes, randomInt } from 'node:crypto';
import { HEADER, REPLY_PARTITIONS, topicName, writeReplyAddress, type Response } from '@tandem/schemas';
import { PassingMap } from '@tandem/shared/collections';
import type { EventLog, LogRecord, Tail } from '@tandem/shared/log';
import type { Logger } from '@tandem/shared/telemetry';

/** Called for each response of a request, provisional ones too, in their order. Must not throw. */
export type ResponseListener = (response: Response) => void;

export interface ReplyDeskOptions {
  log: Pick<EventLog, 'tail'>;
  prefix: string;
  instance: string;
  logger: Logger;
}

/**
 * Where the responses come in that this gateway waits for. Its address travels on each request, and fusion writes a copy of the response to
 * the address' partition of `replies`: no gateway reads what others wait for, but for those that drew the same partition.
 */
export class ReplyDesk {
  /** For the header `tandem-reply-to`. */
  readonly address: string;
  readonly #partition = randomInt(REPLY_PARTITIONS);
  readonly #listeners = new PassingMap<string, Set<ResponseListener>>();
  #tail: Tail | undefined;

  private constructor({ instance }: ReplyDeskOptions) {
    // A new process under an old name has nothing to do with what that waited for.
    const name = instance.replace(/[^\w.:-]/g, '-').slice(0, 100);
    this.address = writeReplyAddress({ partition: this.#partition, instance: `${name}.${randomBytes(6).toString('hex')}` });
  }

  /** Resolves when nothing that is answered from now on can be missed. */
  static async open(options: ReplyDeskOptions): Promise<ReplyDesk> {
    const desk = new ReplyDesk(options);
    const { log, prefix, logger } = options;
    desk.#tail = await log.tail({
      topic: topicName(prefix, 'replies'),
      partitions: [desk.#partition],
      startFrom: 'latest',
      onRecord: (record) => desk.#receive(record),
      onFault: (err) => logger.debug({ err }, 'replies cannot be read at the moment; trying on'),
    });
    return desk;
  }

  /** @returns ends it */
  listen(flowId: string, listener: ResponseListener): () => void {
    const listeners = this.#listeners.get(flowId) ?? new Set();
    this.#listeners.set(flowId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(flowId) === listeners) this.#listeners.delete(flowId);
    };
  }

  async close(): Promise<void> {
    await this.#tail?.close();
  }

  #receive({ headers, value }: LogRecord): void {
    if (headers[HEADER.replyTo] !== this.address || value === null) return;
    const listeners = this.#listeners.get(headers[HEADER.requestId] ?? '');
    if (listeners === undefined) return;
    const response = JSON.parse(value.toString('utf8')) as Response;
    for (const listener of [...listeners]) listener(response);
  }
}
