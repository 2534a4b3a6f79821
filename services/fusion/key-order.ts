import type { Pending } from './pending.ts';

/** The requests of each key in the order in which they came, so that their responses go out in that order. */
export class KeyOrder {
  readonly #queues = new Map<string, Pending[]>();

  add(pending: Pending): void {
    const { key } = pending.task;
    const queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, [pending]);
    else queue.push(pending);
  }

  /** Those at the head of the key's queue that have a response, in order; they are taken out. */
  takeReady(key: string): Pending[] {
    const queue = this.#queues.get(key);
    if (queue === undefined) return [];
    const open = queue.findIndex(({ response }) => response === undefined);
    const ready = queue.splice(0, open < 0 ? queue.length : open);
    if (queue.length === 0) this.#queues.delete(key);
    return ready;
  }

  /** Takes one out of its turn. False: it has gone already. */
  take(pending: Pending): boolean {
    const { key } = pending.task;
    const queue = this.#queues.get(key);
    const at = queue?.indexOf(pending) ?? -1;
    if (queue === undefined || at < 0) return false;
    queue.splice(at, 1);
    if (queue.length === 0) this.#queues.delete(key);
    return true;
  }
}
