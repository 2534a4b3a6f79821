import { topicName, type TaskKind, type Workload } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import { readHeartbeat, WORKER_GONE_AFTER_MS } from '@tandem/shared/core';
import type { EventLog, LogRecord, Tail } from '@tandem/shared/log';
import type { Logger } from '@tandem/shared/telemetry';
import { predictedWaitMs, type Seen } from './predicted-wait.ts';

export interface LoadWatchOptions {
  log: Pick<EventLog, 'tail'>;
  prefix: string;
  clock: Clock;
  logger: Logger;
}

/** What the workers say of their load, as it comes. */
export class LoadWatch {
  readonly #clock: Clock;
  readonly #workers = new Map<string, Seen>();
  #tail: Tail | undefined;

  private constructor({ clock }: LoadWatchOptions) {
    this.#clock = clock;
  }

  static async open(options: LoadWatchOptions): Promise<LoadWatch> {
    const watch = new LoadWatch(options);
    const { log, prefix, logger } = options;
    watch.#tail = await log.tail({
      topic: topicName(prefix, 'telemetry'),
      onRecord: (record) => watch.#receive(record),
      onFault: (err) => logger.debug({ err }, 'telemetry cannot be read at the moment; trying on'),
    });
    return watch;
  }

  /** ms; undefined where nothing can be said. */
  waitMs(workload: Workload, task?: TaskKind): number | undefined {
    const now = this.#clock.now();
    const workers = [...this.#workers.values()].filter((seen) => now - seen.now.time <= WORKER_GONE_AFTER_MS);
    return predictedWaitMs(workload, task, workers);
  }

  async close(): Promise<void> {
    await this.#tail?.close();
  }

  #receive({ key, value }: LogRecord): void {
    if (key === null) return;
    if (value === null) return void this.#workers.delete(key);
    const heartbeat = readHeartbeat(value);
    if (heartbeat === undefined) return;
    const before = this.#workers.get(key)?.now;
    this.#workers.set(key, { before, now: heartbeat });
  }
}
