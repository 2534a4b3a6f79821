import type { Work } from '@tandem/schemas';
import type { Cache } from '@tandem/shared/cache';
import type { LogRecord, TopicPartition } from '@tandem/shared/log';
import { OccasionalWarning, type Logger } from '@tandem/shared/telemetry';

export interface SuspectsOptions {
  cache: Cache;
  /** Epoch ms by the log's clock, which stamps records. */
  now: () => number;
  logger: Logger;
  /** How often a suspect is run before it is given up. */
  maxAttempts: number;
}

/** A record that may have been in flight when the process before this one died. */
export interface Suspicion {
  readonly key: string;
  /** Which run of it as a suspect the next one would be, from 1. */
  readonly attempt: number;
}

const TTL_MS = 3_600_000;
const WARN_EVERY_MS = 60_000;

/**
 * Finds the record on which a process dies, before it has taken every worker down. A record that was in the log when
 * its partition was assigned may be the one that killed the partition's last owner: each run of it is counted in the
 * shared cache beforehand, and uncounted afterwards; what remains counted has not survived its run. The first such run
 * may share a batch with others, later ones are alone, and the last one allowed is alone in the whole process, so
 * that nobody is given up who was not alone when the process died. Records that came later cost nothing.
 *
 * Where the cache is away nothing is counted, and said so. An in-process cache dies with its process: there is nothing to count in.
 */
export class Suspects {
  readonly #options: SuspectsOptions;
  readonly #assignedAt = new Map<string, number>();
  readonly #warning: OccasionalWarning;

  constructor(options: SuspectsOptions) {
    this.#options = options;
    const message = 'runs of redelivered work are not counted while the cache is away: an input that ends the process would not be found out';
    this.#warning = new OccasionalWarning(options.logger, { now: options.now }, message, WARN_EVERY_MS);
  }

  /** What goes to another member is not forgotten: a chain may go on handing over records of that partition number. */
  assigned(partitions: readonly TopicPartition[]): void {
    if (!this.#options.cache.shared) return;
    for (const partition of partitions) this.#assignedAt.set(nameOf(partition), this.#options.now());
  }

  isSuspect(record: LogRecord): boolean {
    return record.timestamp <= (this.#assignedAt.get(nameOf(record)) ?? -Infinity);
  }

  /** Undefined: unknown, since the cache is away. */
  async suspicionOf({ topic }: LogRecord, { step, task }: Pick<Work, 'step' | 'task'>): Promise<Suspicion | undefined> {
    // By what is to be done, not by where it lies: a process that dies with several stages in it leaves copies of it.
    const key = `attempt:${task.source}/${step}>${topic}`;
    const count = await this.#try(() => this.#options.cache.get(key));
    return count === undefined ? undefined : { key, attempt: Number(count.value ?? 0) + 1 };
  }

  /** Before they run. */
  async count(suspicions: readonly Suspicion[]): Promise<void> {
    await Promise.all(suspicions.map(({ key }) => this.#try(() => this.#options.cache.increment(key, { ttlMs: TTL_MS }))));
  }

  /** They have ended, well or not, and the process lives. */
  clear(suspicions: readonly Suspicion[]): void {
    for (const { key } of suspicions) void this.#try(() => this.#options.cache.delete(key));
  }

  async #try<T>(command: () => Promise<T>): Promise<{ value: T } | undefined> {
    try {
      return { value: await command() };
    } catch (error) {
      this.#warning.warn(error);
      return undefined;
    }
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
