import type { Clock } from '@tandem/shared/clock';
import { PassingMap } from '@tandem/shared/collections';
import { TandemError } from '@tandem/shared/errors';
import type { EventLog, Tenure } from '@tandem/shared/log';
import type { StageOutput } from '@tandem/shared/runner';
import type { Answer } from './answer.ts';
import { Answered, type AnsweredOptions } from './answered.ts';
import type { CompactId, IdState } from './compact-ids.ts';
import { persist } from './persist.ts';
import { TransactionalWriter } from './transactional-writer.ts';

export interface ResponderOptions extends AnsweredOptions {
  log: Pick<EventLog, 'read' | 'now' | 'exclusiveWriter'>;
  clock: Clock;
  /** At least once: writes while the tenure lasts, and resolves when durable. @throws {TandemError} `tenure_over` */
  publish: (outputs: readonly StageOutput[], tenure?: Tenure) => Promise<void>;
  /** Of the partition, the one that runs. Undefined: nobody else can have the partition. */
  tenure: () => Tenure | undefined;
  /** Exactly once: the least time between two transactions, ms. Undefined: at least once. */
  transactionIntervalMs: number | undefined;
  /** Something failed and is tried again; for the log. */
  onFault: (error: unknown) => void;
}

const WRITTEN = Promise.resolve();

/** Writes the responses of one partition, each request's once, as far as the delivery mode promises. */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #answered: Answered;
  readonly #closing = new AbortController();
  readonly #transactions: TransactionalWriter | undefined;
  /** At least once: what is known of answers, and written, is known and written on the strength of it. */
  #tenure: Tenure | undefined;
  /** One reading after the other: the next may find that it knows. */
  #looking: Promise<unknown> = Promise.resolve();
  /** The last answer that waits until enough is known. */
  #inLine: Promise<unknown> | undefined;
  /** On their way: written, or written again, until they are durable. */
  readonly #underWay = new PassingMap<string, { id: CompactId; written: Promise<void> }>();

  constructor(options: ResponderOptions) {
    this.#options = options;
    this.#answered = new Answered(options);
    const { transactionIntervalMs: intervalMs } = options;
    if (intervalMs === undefined) {
      this.#tenure = options.tenure();
      return;
    }
    this.#transactions = new TransactionalWriter({ ...options, intervalMs, answered: this.#answered, signal: this.#closing.signal });
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Whether what is known here is all there is to know about a request that arrived then; else `lookBack` first. */
  knows(arrivedAt: number): boolean {
    return this.#answered.knows(arrivedAt);
  }

  /** Resolves when the answer is known, however long the log is away, or the partition is another's. */
  async lookBack(arrivedAt: number): Promise<void> {
    const { signal } = this.#closing;
    const look = () => this.#transactions?.lookBack(arrivedAt) ?? this.#answered.lookBack(arrivedAt, signal);
    this.#looking = this.#looking.then(() => persist(look, { ...this.#options, signal }));
    await this.#looking;
  }

  /** Whether the request is answered or just being answered, or another is under its id. */
  stateOf(requestId: string, id: CompactId): IdState {
    const underWay = this.#underWay.get(requestId);
    if (underWay === undefined) return this.#answered.stateOf(id);
    return underWay.id.source === id.source ? 'same' : 'other';
  }

  /**
   * Resolves when the response is durable, or was already, or is another's business because the partition has gone.
   * @throws {TandemError} what no repetition mends, such as `record_too_large`
   */
  respond(answer: Answer): Promise<void> {
    const { requestId, id } = answer;
    const underWay = this.#underWay.get(requestId);
    if (underWay !== undefined) return underWay.written;
    const answering = { id, written: WRITTEN };
    this.#underWay.set(requestId, answering);
    answering.written = this.#write(answer);
    return answering.written;
  }

  /**
   * A response that is not final: written before the final one, or not at all. Resolves when it is durable, or not wanted any more.
   * @throws what kept it from being written
   */
  provisional(answer: Answer): Promise<void> {
    const { requestId, id, arrivedAt, output } = answer;
    const tenure = this.#running();
    if (this.closed || !this.knows(arrivedAt) || this.stateOf(requestId, id) !== 'unknown') return Promise.resolve();
    if (this.#transactions !== undefined) return this.#transactions.write({ ...answer, isProvisional: true });
    // Records of a partition keep the order in which they are handed over: the final one cannot overtake it.
    return this.#options.publish([output], tenure);
  }

  /** The partition is another's now, or will be. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#transactions?.close();
  }

  async #write(answer: Answer): Promise<void> {
    const { requestId, id, arrivedAt, output } = answer;
    try {
      for (;;) {
        const tenure = this.#inLine === undefined && this.#knowsNow(arrivedAt) ? this.#tenure : await this.#inTurn(arrivedAt);
        if (this.closed || this.#answered.stateOf(id) !== 'unknown') return;
        if (this.#transactions !== undefined) return await this.#transactions.write(answer);
        try {
          await this.#options.publish([output], tenure);
          return this.#answered.add(id);
        } catch (error) {
          // Whoever had the partition meanwhile may have answered: that is to be seen.
          if (!(error instanceof TandemError) || error.code !== 'tenure_over') throw error;
        }
      }
    } finally {
      this.#underWay.delete(requestId);
    }
  }

  /**
   * Until it is known whether the request was answered. One that came earlier may have to look further back, for longer: whoever comes
   * after it waits behind it, since answers leave here in the order in which they came.
   */
  async #inTurn(arrivedAt: number): Promise<Tenure | undefined> {
    const before = this.#inLine;
    const mine = Promise.resolve(before).then(async () => {
      while (!this.#knowsNow(arrivedAt) && !this.closed) await this.lookBack(arrivedAt);
      return this.#tenure;
    });
    this.#inLine = mine;
    const tenure = await mine;
    if (this.#inLine === mine) this.#inLine = undefined;
    return tenure;
  }

  #knowsNow(arrivedAt: number): boolean {
    this.#running();
    return this.knows(arrivedAt);
  }

  /** Where the partition may have been another's, what was known of answers is in doubt. */
  #running(): Tenure | undefined {
    if (this.#tenure?.state === 'over') {
      this.#tenure = this.#options.tenure();
      this.#answered.forget();
    }
    return this.#tenure;
  }
}
