import type { Response, Task } from '@tandem/schemas';
import { Join } from '@tandem/shared/core';
import type { Headers } from '@tandem/shared/log';
import type { StageOutput } from '@tandem/shared/runner';
import type { CompactId } from './compact-ids.ts';

/** One request that waits for its outcomes. All records that belong to it are acknowledged together, once it is answered. */
export class Pending {
  readonly join: Join;
  readonly id: CompactId;
  readonly headers: Headers;
  /** Settles when the response is durable (or the partition has gone to another member). */
  readonly answered: Promise<readonly StageOutput[]>;
  /** Made, but perhaps held back for the sake of order. Further parts are late. */
  response: Response | undefined;
  sent = false;
  /** Of an ordered workload, but its place will not be known. */
  outOfTurn = false;
  cancelDeadline: () => void = () => undefined;
  readonly #settle: PromiseWithResolvers<readonly StageOutput[]>;

  constructor(task: Task, id: CompactId, headers: Headers) {
    this.join = new Join(task);
    this.id = id;
    this.headers = headers;
    this.#settle = Promise.withResolvers();
    this.answered = this.#settle.promise;
  }

  get task(): Task {
    return this.join.task;
  }

  release(): void {
    this.cancelDeadline();
    this.#settle.resolve([]);
  }

  fail(error: unknown): void {
    this.cancelDeadline();
    this.#settle.reject(error);
  }
}
