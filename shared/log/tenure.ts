/** A partition that went to another member, and perhaps came back since, is `over`. While that cannot be known it is `doubtful`. */
export type TenureState = 'certain' | 'doubtful' | 'over';

/**
 * The time for which a partition number of a group is a member's without a break. A member that was suspended, or cut off,
 * does not know that it has been given up: its tenure is doubtful until the group says what became of it.
 */
export interface Tenure {
  /** Cheap: two readings of a clock. */
  readonly state: TenureState;
}

/** How soon it is seen that a doubtful tenure is certain again, or over. */
export const DOUBT_PAUSE_MS = 25;

/** Of what is not ours. */
export const OVER: Tenure = { state: 'over' };

/** The tenure of one partition number after the other, for a consumer. */
export class Tenures {
  readonly #isCertain: () => boolean;
  readonly #running = new Map<number, RunningTenure>();

  constructor(isCertain: () => boolean) {
    this.#isCertain = isCertain;
  }

  /** That which runs; one begins where none does. */
  of(partition: number): Tenure {
    const running = this.#running.get(partition) ?? new RunningTenure(this.#isCertain);
    this.#running.set(partition, running);
    return running;
  }

  end(partition: number): void {
    this.#running.get(partition)?.end();
    this.#running.delete(partition);
  }

  endAll(): void {
    for (const partition of [...this.#running.keys()]) this.end(partition);
  }
}

class RunningTenure implements Tenure {
  readonly #isCertain: () => boolean;
  #over = false;

  constructor(isCertain: () => boolean) {
    this.#isCertain = isCertain;
  }

  get state(): TenureState {
    if (this.#over) return 'over';
    return this.#isCertain() ? 'certain' : 'doubtful';
  }

  end(): void {
    this.#over = true;
  }
}
