import { HEADER } from '@tandem/schemas';
import { jsonOf } from '@tandem/shared/core';
import { TandemError } from '@tandem/shared/errors';
import type { EventLog, LogRecord } from '@tandem/shared/log';
import { compactId, CompactIds, type CompactId, type IdState } from './compact-ids.ts';

/** Brokers' clocks may differ by this: a response can carry an earlier time than the request it answers. */
const CLOCK_SKEW_MS = 15_000;

export interface AnsweredOptions {
  log: Pick<EventLog, 'read' | 'now'>;
  /** Of the responses. */
  topic: string;
  partition: number;
  /** Ids answered so long ago are known at least; for what is older, the responses are read. ms */
  windowMs: number;
  /** Upper bound of ids that are remembered without being asked for; more are forgotten, and looked up. */
  maxEntries: () => number;
}

/**
 * Which requests of one partition are answered. The responses themselves are the record of that: what is not
 * remembered is read from there, as far back as it matters, so nothing rests on this memory but speed.
 */
export class Answered {
  readonly #options: AnsweredOptions;
  /** Two generations: when the newer is full of age or entries, the older goes. */
  #current = new CompactIds();
  #previous = new CompactIds();
  #currentSince = Infinity;
  /** All responses appended at or after this are known, epoch ms. */
  #knownSince = Infinity;
  /** How often all was forgotten. */
  #forgotten = 0;

  constructor(options: AnsweredOptions) {
    this.#options = options;
  }

  /** Whether it is known without looking if a request that arrived then is answered. */
  knows(arrivedAt: number): boolean {
    return arrivedAt - CLOCK_SKEW_MS >= this.#knownSince;
  }

  /** Whether it is answered, or another request was under its id. */
  stateOf(id: CompactId): IdState {
    const current = this.#current.stateOf(id);
    return current === 'unknown' ? this.#previous.stateOf(id) : current;
  }

  add(id: CompactId): void {
    this.#current.add(id);
    const age = this.#options.log.now() - this.#currentSince;
    if (age < this.#options.windowMs && this.#current.size < this.#options.maxEntries() / 2) return;
    this.#previous = this.#current;
    this.#knownSince = this.#currentSince;
    this.#current = new CompactIds();
    this.#currentSince = this.#options.log.now();
  }

  /** Somebody else may have answered: all that is known is in doubt. */
  forget(): void {
    this.#current = new CompactIds();
    this.#previous = new CompactIds();
    this.#currentSince = Infinity;
    this.#knownSince = Infinity;
    this.#forgotten += 1;
  }

  /**
   * Reads the responses that could answer a request that arrived then, and those of a window before it: a sender that
   * repeats an id gets no second answer within the window.
   * @param barrier an offset behind all that has been answered, where one can be had: what a broker takes for the end may be older
   */
  async lookBack(arrivedAt: number, signal: AbortSignal, barrier?: () => Promise<number>): Promise<void> {
    if (this.knows(arrivedAt)) return;
    const wanted = arrivedAt - CLOCK_SKEW_MS - this.#options.windowMs;
    if (this.#currentSince === Infinity) this.#currentSince = this.#options.log.now();
    const forgotten = this.#forgotten;
    const found = await this.#read(wanted, signal, barrier);
    // What was read before all was forgotten is in doubt as well.
    if (signal.aborted || forgotten !== this.#forgotten) return;
    // All at once: meanwhile a generation may have gone.
    this.#previous.merge(found);
    this.#knownSince = Math.min(this.#knownSince, wanted > 0 ? wanted : -Infinity);
  }

  async #read(since: number, signal: AbortSignal, barrier?: () => Promise<number>): Promise<CompactIds> {
    const { log, topic, partition } = this.#options;
    const found = new CompactIds();
    try {
      const end = barrier === undefined ? {} : { barrier: await barrier() };
      for await (const records of log.read({ topic, partition, ...(since > 0 ? { from: { timestamp: since } } : {}), ...end, signal })) {
        for (const record of records) {
          // A provisional response answers nothing.
          if (record.headers[HEADER.provisional] === undefined) found.add(compactId(requestIdOf(record), record.headers[HEADER.source] ?? ''));
        }
        if ((records[0]?.timestamp ?? 0) > this.#knownSince + CLOCK_SKEW_MS) break;
      }
    } catch (error) {
      // The tasks have been given more partitions than the responses: nothing has been answered there.
      if (!(error instanceof TandemError) || error.code !== 'unknown_partition') throw error;
    }
    return found;
  }
}

/** In the value where its writer set no header. */
function requestIdOf({ headers, value }: LogRecord): string {
  const header = headers[HEADER.requestId];
  if (header !== undefined) return header;
  const { requestId } = (jsonOf(value) ?? {}) as { requestId?: unknown };
  return typeof requestId === 'string' ? requestId : '';
}
