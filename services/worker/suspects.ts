import type { Work } from '@tandem/schemas';
import type { LogRecord, TopicPartition } from '@tandem/shared/log';
import { OccasionalWarning, type Logger } from '@tandem/shared/telemetry';
import type { RunCounts, Suspicion } from './run-counts.ts';

export interface SuspectsOptions {
  /** Undefined: nothing outlives the process, so there is nothing to count in. */
  counts: RunCounts | undefined;
  /** Epoch ms by the log's clock, which stamps records. */
  now: () => number;
  logger: Logger;
  /** How often a suspect is run before it is given up. */
  maxAttempts: number;
}

const WARN_EVERY_MS = 60_000;

/**
 * Finds the record on which a process dies, before it has taken every worker down. A record that was in the log when
 * its partition was assigned may be the one that killed the partition's last owner: each run of it is counted
 * beforehand, where others will know of it, and uncounted afterwards; what remains counted has not survived its run. The first such run
 * may share a batch with others, later ones are alone, and the last one allowed is alone in the whole process, so
 * that nobody is given up who was not alone when the process died. Records that came later cost nothing.
 *
 * Where they cannot be counted they run uncounted, and it is said.
 */
export class Suspects {
  readonly #options: SuspectsOptions;
  readonly #assignedAt = new Map<string, number>();
  readonly #warning: OccasionalWarning;

  constructor(options: SuspectsOptions) {
    this.#options = options;
    const message = 'runs of redelivered work cannot be counted at the moment: an input that ends the process would not be found out';
    this.#warning = new OccasionalWarning(options.logger, { now: options.now }, message, WARN_EVERY_MS);
  }

  /** What goes to another member is not forgotten: a chain may go on handing over records of that partition number. */
  assigned(partitions: readonly TopicPartition[]): void {
    if (this.#options.counts === undefined) return;
    this.#options.counts.refresh();
    for (const partition of partitions) this.#assignedAt.set(nameOf(partition), this.#options.now());
  }

  isSuspect(record: LogRecord): boolean {
    return record.timestamp <= (this.#assignedAt.get(nameOf(record)) ?? -Infinity);
  }

  /** Undefined: unknown, since what was counted cannot be read. */
  async suspicionOf({ topic }: LogRecord, { step, task }: Pick<Work, 'step' | 'task'>): Promise<Suspicion | undefined> {
    // By what is to be done, not by where it lies: a process that dies with several stages in it leaves copies of it.
    const key = `attempt:${task.source}/${step}>${topic}`;
    const count = await this.#try((counts) => counts.of(key));
    return count === undefined ? undefined : { key, attempt: count.value + 1 };
  }

  /** Before they run. */
  async count(suspicions: readonly Suspicion[]): Promise<void> {
    await this.#try((counts) => counts.begin(suspicions));
  }

  /** They have ended, well or not, and the process lives. */
  clear(suspicions: readonly Suspicion[]): void {
    void this.#try((counts) => counts.end(suspicions));
  }

  async #try<T>(command: (counts: RunCounts) => Promise<T>): Promise<{ value: T } | undefined> {
    const { counts } = this.#options;
    if (counts === undefined) return undefined;
    try {
      return { value: await command(counts) };
    } catch (error) {
      this.#warning.warn(error);
      return undefined;
    }
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
