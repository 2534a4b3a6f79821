import type { Tenure } from '../tenure.ts';

/** One call of `send`: done when all its records are written; fails with the first failure, once none is on its way. */
export class SendCall {
  readonly done: Promise<void>;
  readonly tenure: Tenure | undefined;
  #remaining: number;
  #failed = false;
  #failure: unknown;
  #resolve: () => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(records: number, tenure?: Tenure) {
    this.#remaining = records;
    this.tenure = tenure;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  settle(error?: unknown): void {
    if (error !== undefined && !this.#failed) {
      this.#failed = true;
      this.#failure = error;
    }
    if (--this.#remaining > 0) return;
    if (this.#failed) this.#reject(this.#failure);
    else this.#resolve();
  }
}
