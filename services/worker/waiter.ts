import type { Submission } from './pending-work.ts';

export interface WaiterHooks {
  /** It has stopped waiting, whatever the reason. */
  left(): void;
  /** Its request was taken back, and it is answered. */
  cancelled?(): void;
}

/** A piece of work that is not with the dispatcher: it waits for another's result, or for the shared cache. */
export class Waiter {
  readonly submission: Submission;
  readonly hooks: WaiterHooks;
  #isHere = true;

  constructor(submission: Submission, hooks: WaiterHooks) {
    this.submission = submission;
    this.hooks = hooks;
  }

  /** Whoever gets true answers it or goes on with it; false: somebody has. */
  leave(): boolean {
    if (!this.#isHere) return false;
    this.#isHere = false;
    this.hooks.left();
    return true;
  }
}
