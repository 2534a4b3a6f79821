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
  /** Of the next response, as far as is known here. */
  #sequence = 0;
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

  /** Of the final response: behind all provisional ones, also those that another process may have given. */
  get sequence(): number {
    return Math.max(this.#sequence, this.task.plan.steps.length - 1 + this.join.parts);
  }

  /** A provisional response with this number. */
  gave(sequence: number): void {
    this.#sequence = Math.max(this.#sequence, sequence + 1);
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
