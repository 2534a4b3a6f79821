import type { Cache, CachePatience } from '@tandem/shared/cache';

export interface DuplicatesOptions {
  cache: Cache;
  ttlMs: number;
  patience: CachePatience;
  /** The cache did not answer. */
  onUnavailable: (error: unknown) => void;
}

/** Remembers where each request id was first read. */
export class Duplicates {
  readonly #options: DuplicatesOptions;

  constructor(options: DuplicatesOptions) {
    this.#options = options;
  }

  /**
   * Where the request id was read before, if that is another position of the log: a sender's duplicate.
   * The same position again is a redelivery. Undefined also where the cache does not answer: rather twice than never.
   */
  async earlierPosition(requestId: string, position: string, deadlineAt: number | null): Promise<string | undefined> {
    const { cache, ttlMs, patience, onUnavailable } = this.#options;
    try {
      const first = await patience.ask(deadlineAt, () => cache.setIfAbsent(`seen:${requestId}`, position, { ttlMs }));
      return first === position ? undefined : first;
    } catch (error) {
      onUnavailable(error);
      return undefined;
    }
  }
}
