import { HEADER } from '@tandem/schemas';
import { TandemError } from '@tandem/shared/errors';
import type { EventLog, LogRecord } from '@tandem/shared/log';

/** Brokers' clocks may differ by this: a response can carry an earlier time than the request it answers. */
const CLOCK_SKEW_MS = 15_000;
/** Looking back costs a read, so it goes further than it has to: the next old request then finds its answer known. */
const LOOK_BACK_MS = 15_000;

export interface AnsweredOptions {
  log: Pick<EventLog, 'read' | 'now'>;
  /** Of the responses. */
  topic: string;
  partition: number;
  /** What is older may be forgotten, and is looked up when it is asked for. ms */
  windowMs: number;
  /** Upper bound of remembered ids; more are forgotten, and looked up. */
  maxEntries: () => number;
}

/**
 * Which requests of one partition are answered. The responses themselves are the record of that: what is not
 * remembered is read from there, as far back as it matters, so nothing rests on this memory but speed.
 */
export class Answered {
  readonly #options: AnsweredOptions;
  /** Request id → its source. Two generations: when the newer is full of age or entries, the older goes. */
  #current = new Map<string, string>();
  #previous = new Map<string, string>();
  #currentSince = Infinity;
  /** All responses appended at or after this are known, epoch ms. */
  #knownSince = Infinity;

  constructor(options: AnsweredOptions) {
    this.#options = options;
  }

  /** Whether it is known without looking if a request that arrived then is answered. */
  knows(arrivedAt: number): boolean {
    return arrivedAt - CLOCK_SKEW_MS >= this.#knownSince;
  }

  /** The source of the request that was answered under this id. */
  sourceOf(requestId: string): string | undefined {
    return this.#current.get(requestId) ?? this.#previous.get(requestId);
  }

  add(requestId: string, source: string): void {
    this.#current.set(requestId, source);
    const age = this.#options.log.now() - this.#currentSince;
    if (age < this.#options.windowMs && this.#current.size < this.#options.maxEntries() / 2) return;
    this.#previous = this.#current;
    this.#knownSince = this.#currentSince;
    this.#current = new Map();
    this.#currentSince = this.#options.log.now();
  }

  /** The response could not be written. */
  remove(requestId: string): void {
    this.#current.delete(requestId);
    this.#previous.delete(requestId);
  }

  /** Somebody else may have answered: all that is known is in doubt. */
  forget(): void {
    this.#current.clear();
    this.#previous.clear();
    this.#currentSince = Infinity;
    this.#knownSince = Infinity;
  }

  /** Reads the responses that could answer a request that arrived then. */
  async lookBack(arrivedAt: number, signal: AbortSignal): Promise<void> {
    if (this.knows(arrivedAt)) return;
    const { log, topic, partition } = this.#options;
    const wanted = arrivedAt - CLOCK_SKEW_MS - LOOK_BACK_MS;
    const since = wanted > 0 ? wanted : -Infinity;
    const from = wanted > 0 ? { from: { timestamp: wanted } } : {};
    if (this.#currentSince === Infinity) this.#currentSince = log.now();
    try {
      for await (const records of log.read({ topic, partition, ...from, signal })) {
        for (const record of records) this.#found(record);
        if ((records[0]?.timestamp ?? 0) > this.#knownSince + CLOCK_SKEW_MS) break;
      }
    } catch (error) {
      // The tasks have been given more partitions than the responses: nothing has been answered there.
      if (!(error instanceof TandemError) || error.code !== 'unknown_partition') throw error;
    }
    if (!signal.aborted) this.#knownSince = Math.min(this.#knownSince, since);
  }

  #found({ headers, value }: LogRecord): void {
    const requestId = headers[HEADER.requestId] ?? requestIdOf(value);
    if (requestId === undefined || this.#current.has(requestId)) return;
    this.#previous.set(requestId, headers[HEADER.source] ?? '');
  }
}

/** Of a response whose writer set no header. */
function requestIdOf(value: Buffer | null): string | undefined {
  try {
    const { requestId } = JSON.parse(value?.toString('utf8') ?? '') as { requestId?: unknown };
    return typeof requestId === 'string' ? requestId : undefined;
  } catch {
    return undefined;
  }
}
