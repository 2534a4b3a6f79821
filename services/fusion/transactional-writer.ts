import { TandemError } from '@tandem/shared/errors';
import type { Clock } from '@tandem/shared/clock';
import type { EventLog, ExclusiveWriter } from '@tandem/shared/log';
import type { Answer } from './answer.ts';
import type { Answered } from './answered.ts';
import { pauseMs, persist } from './persist.ts';

/** Of one transaction. */
const MAX_RESPONSES = 500;

export interface TransactionalWriterOptions {
  log: Pick<EventLog, 'exclusiveWriter'>;
  /** Of the responses. */
  topic: string;
  partition: number;
  answered: Answered;
  clock: Clock;
  intervalMs: number;
  /** Aborts when the partition is another's. */
  signal: AbortSignal;
  /** Something failed and is tried again; for the log. */
  onFault: (error: unknown) => void;
}

interface Waiting {
  answer: Answer;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * Responses of one partition in transactions of its one writer. Opening the writer fences an earlier owner of the
 * partition and settles what it left; what is read after that is all that was ever answered. So whoever writes knows
 * all answers, and nobody else writes: no request is answered twice. Whenever a transaction's fate is not known, the
 * writer is opened anew and the responses tell.
 */
export class TransactionalWriter {
  readonly #options: TransactionalWriterOptions;
  readonly #waiting: Waiting[] = [];
  #writer: ExclusiveWriter | undefined;
  /** Openings, reads and transactions, one after the other. */
  #sequence: Promise<void> = Promise.resolve();
  #scheduled = false;
  #startedAt = -Infinity;
  /** Transactions in a row that did not end well. */
  #failures = 0;

  constructor(options: TransactionalWriterOptions) {
    this.#options = options;
    // At once: until then an earlier owner that only seems dead could still answer.
    void this.#inTurn(() => this.#open());
  }

  /** @throws when the responses cannot be read; they are read again then */
  async lookBack(arrivedAt: number): Promise<void> {
    const done = Promise.withResolvers<void>();
    await this.#inTurn(async () => {
      await this.#open();
      await this.#lookBack(arrivedAt).then(done.resolve, done.reject);
    });
    return done.promise;
  }

  /** @throws {TandemError} `record_too_large`, `record_refused` */
  write(answer: Answer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ answer, resolve, reject });
      this.#schedule();
    });
  }

  /** The signal has been aborted. */
  async close(): Promise<void> {
    resolveAll(this.#waiting.splice(0));
    await this.#sequence;
    resolveAll(this.#waiting.splice(0));
    await this.#discard();
  }

  #inTurn(action: () => Promise<void>): Promise<void> {
    this.#sequence = this.#sequence.then(action);
    return this.#sequence;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const { clock, intervalMs } = this.#options;
    const spacingMs = this.#failures === 0 ? intervalMs : pauseMs(this.#failures);
    clock.schedule(Math.max(clock.now(), this.#startedAt + spacingMs), () => {
      void this.#inTurn(() => this.#transaction()).then(() => {
        this.#scheduled = false;
        if (this.#waiting.length > 0) this.#schedule();
      });
    });
  }

  /** Never rejects. */
  async #transaction(): Promise<void> {
    const { clock, signal } = this.#options;
    this.#startedAt = clock.now();
    await this.#open();
    const batch = this.#waiting.splice(0, MAX_RESPONSES);
    try {
      const again = await this.#writeAll(await this.#unanswered(batch));
      this.#waiting.unshift(...again);
      this.#failures = again.length === 0 ? 0 : this.#failures + 1;
    } catch (error) {
      this.#options.onFault(error);
      await this.#discard();
      this.#waiting.unshift(...batch);
      this.#failures += 1;
    }
    if (signal.aborted) resolveAll(this.#waiting.splice(0));
  }

  /** Without those that turn out to have been answered, and provisional ones that a later one in the same transaction replaces. */
  async #unanswered(batch: readonly Waiting[]): Promise<readonly Waiting[]> {
    const { answered } = this.#options;
    const oldest = Math.min(...batch.map(({ answer }) => answer.arrivedAt));
    if (batch.length > 0) await this.#lookBack(oldest);
    const open = newestOfEach(batch.filter(({ answer }) => answered.stateOf(answer.id) === 'unknown'));
    resolveAll(batch.filter((waiting) => !open.includes(waiting)));
    return open;
  }

  /** Returns what has to be written again, in order. */
  async #writeAll(batch: readonly Waiting[]): Promise<readonly Waiting[]> {
    const { answered, signal } = this.#options;
    if (this.#writer === undefined || signal.aborted || batch.length === 0) return batch;
    try {
      await this.#writer.write(batch.map(({ answer }) => answer.output));
    } catch (error) {
      return this.#failed(batch, error);
    }
    for (const { answer } of batch) if (answer.isProvisional !== true) answered.add(answer.id);
    resolveAll(batch);
    return [];
  }

  async #failed(batch: readonly Waiting[], error: unknown): Promise<readonly Waiting[]> {
    if (isAboutRecords(error)) return this.#halve(batch, error);
    // Fenced although the partition is ours: an earlier owner was late to open its writer. Or the fate is unknown.
    this.#options.onFault(error);
    await this.#discard();
    return batch;
  }

  /** The one response that cannot be written is found; the others are written. */
  async #halve(batch: readonly Waiting[], error: unknown): Promise<readonly Waiting[]> {
    const [only] = batch;
    if (batch.length === 1) {
      only?.reject(error);
      return [];
    }
    const middle = batch.length >> 1;
    const first = await this.#writeAll(batch.slice(0, middle));
    return [...first, ...(await this.#writeAll(batch.slice(middle)))];
  }

  /** Tries for as long as the partition is ours; never rejects. What was known of answers is in doubt from then on. */
  async #open(): Promise<void> {
    const { log, partition, answered } = this.#options;
    if (this.#writer !== undefined) return;
    this.#writer = await persist(() => log.exclusiveWriter(`responses.${partition}`), this.#options);
    answered.forget();
  }

  /** As far as the end that the true leader gives: another broker may believe to lead still, and know of less. */
  async #lookBack(arrivedAt: number): Promise<void> {
    const { answered, topic, partition, signal } = this.#options;
    const writer = this.#writer;
    // Not opened: the partition is another's.
    if (writer === undefined) return;
    try {
      await answered.lookBack(arrivedAt, signal, () => writer.barrier({ topic, partition }));
    } catch (error) {
      await this.#discard();
      throw error;
    }
  }

  async #discard(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    await writer?.close().catch(() => undefined);
  }
}

function newestOfEach(batch: readonly Waiting[]): readonly Waiting[] {
  if (!batch.some(({ answer }) => answer.isProvisional === true)) return batch;
  const newest = new Map(batch.map((waiting) => [waiting.answer.requestId, waiting]));
  return batch.filter((waiting) => newest.get(waiting.answer.requestId) === waiting);
}

function resolveAll(batch: readonly Waiting[]): void {
  for (const { resolve } of batch) resolve();
}

function isAboutRecords(error: unknown): boolean {
  return error instanceof TandemError && (error.code === 'record_too_large' || error.code === 'record_refused');
}
