import { PassingMap } from '@tandem/shared/collections';
import type { Pending } from './pending.ts';

/**
 * The requests of each key in the order in which they came, so that their responses go out in that order. That order is
 * the order of the tasks: an outcome may be read before the task, and before the tasks of earlier requests.
 */
export class KeyOrder {
  readonly #queues = new PassingMap<string, Pending[]>();
  /** By request id. */
  readonly #placed = new PassingMap<string, Pending>();

  /** Its task has come. */
  add(pending: Pending): void {
    if (this.has(pending)) return;
    this.#placed.set(pending.task.requestId, pending);
    const { key } = pending.task;
    const queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, [pending]);
    else queue.push(pending);
  }

  has(pending: Pending): boolean {
    return this.#placed.get(pending.task.requestId) === pending;
  }

  /** Those at the head of the key's queue that have a response, in order; they are taken out. */
  takeReady(key: string): Pending[] {
    const queue = this.#queues.get(key);
    if (queue === undefined) return [];
    const open = queue.findIndex(({ response }) => response === undefined);
    const ready = queue.splice(0, open < 0 ? queue.length : open);
    if (queue.length === 0) this.#queues.delete(key);
    for (const pending of ready) this.#placed.delete(pending.task.requestId);
    return ready;
  }

  /** Takes one out of its turn, if it has a place. */
  remove(pending: Pending): void {
    if (!this.has(pending)) return;
    const { key, requestId } = pending.task;
    this.#placed.delete(requestId);
    const rest = this.#queues.get(key)?.filter((other) => other !== pending) ?? [];
    if (rest.length === 0) this.#queues.delete(key);
    else this.#queues.set(key, rest);
  }
}
