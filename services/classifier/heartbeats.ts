import { topicName, type Heartbeat } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import { readHeartbeat } from '@tandem/shared/core';
import { messageOf } from '@tandem/shared/errors';
import type { EventLog, LogRecord, Tail } from '@tandem/shared/log';
import type { Logger } from '@tandem/shared/telemetry';

export interface HeartbeatsOptions {
  log: Pick<EventLog, 'tail'>;
  /** Of topics. */
  prefix: string;
  clock: Clock;
  logger: Logger;
  /** What it means that telemetry cannot be read, for the log. */
  without: string;
  onHeartbeat: (heartbeat: Heartbeat, now: number) => void;
  /** A worker said that it leaves. */
  onGone: (instance: string) => void;
}

const TAIL_RETRY_MS = 1_000;
/** Generous: clocks of machines differ. What is newer is judged by its arrival. */
const STALE_RECORD_MS = 60_000;

/** What workers say of themselves on telemetry. */
export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  #tail: Tail | undefined;
  #stopped = false;

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
  }

  /** Tries for as long as it takes; never rejects. */
  async listen(): Promise<void> {
    const { log, prefix, clock, logger, without } = this.#options;
    try {
      this.#tail = await log.tail({
        topic: topicName(prefix, 'telemetry'),
        onRecord: (record) => this.#heard(record),
        onFault: (error) => logger.warn({ err: error }, 'reading telemetry failed; trying again'),
      });
      if (this.#stopped) await this.#tail.close();
    } catch (error) {
      if (this.#stopped) return;
      logger.warn({ error: messageOf(error) }, `telemetry cannot be read; ${without}`);
      clock.schedule(clock.now() + TAIL_RETRY_MS, () => void this.listen());
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#tail?.close();
  }

  #heard({ key, value, timestamp }: LogRecord): void {
    if (key === null) return;
    const now = this.#options.clock.now();
    if (value === null) return this.#options.onGone(key);
    const heartbeat = readHeartbeat(value);
    // Of long ago: a worker that ended without a word.
    if (heartbeat !== undefined && now - timestamp < STALE_RECORD_MS) this.#options.onHeartbeat({ ...heartbeat, instance: key }, now);
  }
}
