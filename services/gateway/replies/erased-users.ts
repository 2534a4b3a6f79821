import { topicName, type ErasureNotice, type Response } from '@tandem/schemas';
import { userHash } from '@tandem/shared/cache';
import type { Clock } from '@tandem/shared/clock';
import { readErasureNotice } from '@tandem/shared/core';
import type { EventLog, LogRecord, Tail } from '@tandem/shared/log';
import type { Logger } from '@tandem/shared/telemetry';

/** As long as classifiers remember an erasure: what is older than that is in no topic of answers any more. */
const REMEMBERED_MS = 45 * 86_400_000;

export interface ErasedUsersOptions {
  log: Pick<EventLog, 'tail'>;
  prefix: string;
  clock: Clock;
  logger: Logger;
}

/** Who was erased, and when, from the classifiers' notices. */
export class ErasedUsers {
  readonly #options: ErasedUsersOptions;
  /** Epoch ms by SHA-256 of the user id. */
  readonly #erasedAt = new Map<string, number>();
  #tail: Tail | undefined;

  constructor(options: ErasedUsersOptions) {
    this.#options = options;
  }

  /** @param onErased also told of those who were erased before */
  async follow(onErased: (notice: ErasureNotice) => void): Promise<void> {
    const { log, prefix, logger } = this.#options;
    this.#tail = await log.tail({
      topic: topicName(prefix, 'telemetry'),
      onRecord: (record) => this.#receive(record, onErased),
      onFault: (err) => logger.warn({ err }, 'telemetry cannot be read, so answers to erased users stay until they are too old; trying on'),
    });
  }

  /** Whether it answers a request from before its user was erased. */
  forgets({ userId, time, latencyMs }: Pick<Response, 'userId' | 'time' | 'latencyMs'>): boolean {
    if (userId === undefined || this.#erasedAt.size === 0) return false;
    return time - latencyMs <= (this.#erasedAt.get(userHash(userId)) ?? -Infinity);
  }

  async close(): Promise<void> {
    await this.#tail?.close();
  }

  #receive({ value }: LogRecord, onErased: (notice: ErasureNotice) => void): void {
    const notice = value === null ? undefined : readErasureNotice(value);
    if (notice === undefined || notice.time < this.#options.clock.now() - REMEMBERED_MS) return;
    this.#erasedAt.set(notice.user, Math.max(notice.time, this.#erasedAt.get(notice.user) ?? 0));
    onErased(notice);
  }
}
