/** What a thread runs: `run` names one run, never again used for another soon. */
export interface ThreadRun {
  thread: number;
  run: string;
  /** So many times the bound are granted. @default 1 */
  patience?: number;
}

interface Seen {
  run: string;
  /** By performance.now(). */
  since: number;
  suspected: boolean;
}

const LOOKS_PER_BOUND = 8;
const LONGEST_INTERVAL_MS = 1_000;

/**
 * Notices runs that last longer than their bound, an eighth later at most. Looks twice before it accuses: if the main
 * thread itself was busy for so long, results may be waiting to be read.
 */
export class Watchdog {
  readonly #boundMs: number;
  readonly #runs: () => Iterable<ThreadRun>;
  readonly #onHung: (thread: number) => void;
  readonly #timer: NodeJS.Timeout;
  #seen = new Map<number, Seen>();

  constructor(boundMs: number, runs: () => Iterable<ThreadRun>, onHung: (thread: number) => void) {
    this.#boundMs = boundMs;
    this.#runs = runs;
    this.#onHung = onHung;
    this.#timer = setInterval(() => this.look(performance.now()), Math.min(LONGEST_INTERVAL_MS, Math.ceil(boundMs / LOOKS_PER_BOUND)));
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** @param now any clock, ms; the timer calls it */
  look(now: number): void {
    const seen = new Map<number, Seen>();
    const hung: number[] = [];
    for (const { thread, run, patience = 1 } of this.#runs()) {
      const before = this.#seen.get(thread);
      const isSame = before?.run === run;
      const since = isSame ? before.since : now;
      const late = now - since > this.#boundMs * patience;
      if (late && isSame && before.suspected) hung.push(thread);
      seen.set(thread, { run, since, suspected: late });
    }
    this.#seen = seen;
    for (const thread of hung) {
      seen.delete(thread);
      this.#onHung(thread);
    }
  }
}
