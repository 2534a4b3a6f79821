import { topicName } from '@tandem/schemas';
import type { Clock } from '../clock/index.ts';
import { readErasureNotice } from '../core/index.ts';
import type { EventLog, LogRecord, Tail } from '../log/index.ts';
import type { Logger } from '../telemetry/index.ts';

const RETRY_MS = 1_000;

export interface ErasureWatchOptions {
  log: Pick<EventLog, 'tail'>;
  /** Of topics. */
  prefix: string;
  clock: Clock;
  logger: Logger;
  /** That stays while nothing is heard, for the log: "erased users’ results". */
  what: string;
  /** @param user SHA-256 of the user id  @param erasedAt broker's time, epoch ms */
  onErased: (user: string, erasedAt: number) => void;
}

/** Hears of erased users from the classifiers, over telemetry. */
export class ErasureWatch {
  readonly #options: ErasureWatchOptions;
  #tail: Tail | undefined;
  #stopped = false;
  #cancel: () => void = () => undefined;

  constructor(options: ErasureWatchOptions) {
    this.#options = options;
  }

  /** Goes on in the background: work does not wait for it. */
  start(): void {
    void this.#listen();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#tail?.close();
  }

  async #listen(): Promise<void> {
    const { log, prefix, clock, logger, what } = this.#options;
    const failed = (err: unknown) => logger.warn({ err }, `telemetry cannot be read, so ${what} stay until they are too old; trying again`);
    try {
      const tail = await log.tail({ topic: topicName(prefix, 'telemetry'), onRecord: (record) => this.#heard(record), onFault: failed });
      if (this.#stopped) await tail.close();
      else this.#tail = tail;
    } catch (error) {
      if (this.#stopped) return;
      failed(error);
      this.#cancel = clock.schedule(clock.now() + RETRY_MS, () => this.start());
    }
  }

  #heard({ value }: LogRecord): void {
    const notice = value === null ? undefined : readErasureNotice(value);
    if (notice !== undefined) this.#options.onErased(notice.user, notice.time);
  }
}
