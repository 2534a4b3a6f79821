import type { PendingWork } from './pending-work.ts';

/**
 * Suspects that must not share a batch: one runs at a time. The last run that is allowed to one waits until nothing
 * else runs, and nothing else begins meanwhile: if the process dies then, it is the one.
 */
export class SoloQueue {
  readonly #waiting: PendingWork[] = [];
  readonly #lastAttempt: number;
  #running: PendingWork | undefined;

  constructor(lastAttempt: number) {
    this.#lastAttempt = lastAttempt;
  }

  get size(): number {
    return this.#waiting.length;
  }

  push(pending: PendingWork): void {
    this.#waiting.push(pending);
  }

  /** Nothing else may begin now. */
  get holdsOthers(): boolean {
    return this.#isLast(this.#running) || (this.#running === undefined && this.#isLast(this.#waiting[0]));
  }

  /** Takes the next that may run beside so many batches; `done` when it has ended. */
  next(running: number, concurrency: number): PendingWork | undefined {
    const [first] = this.#waiting;
    if (first === undefined || this.#running !== undefined) return undefined;
    if (running >= (this.#isLast(first) ? 1 : concurrency)) return undefined;
    this.#running = this.#waiting.shift();
    return first;
  }

  done(pending: PendingWork): void {
    if (this.#running === pending) this.#running = undefined;
  }

  /** False: it is not waiting. */
  remove(pending: PendingWork): boolean {
    const at = this.#waiting.indexOf(pending);
    if (at >= 0) this.#waiting.splice(at, 1);
    return at >= 0;
  }

  takeAll(isWanted: (pending: PendingWork) => boolean): PendingWork[] {
    const taken = this.#waiting.filter(isWanted);
    for (const pending of taken) this.remove(pending);
    return taken;
  }

  #isLast(pending: PendingWork | undefined): boolean {
    return (pending?.suspicion?.attempt ?? 0) >= this.#lastAttempt;
  }
}
