import { PassingMap } from '@tandem/shared/collections';

/** What waits, by the request that it belongs to: a request has few steps at a time, mostly one. */
export class Waiting<T> {
  readonly #byRequest = new PassingMap<string, T[]>();

  add(requestId: string, item: T): void {
    const others = this.#byRequest.get(requestId);
    if (others === undefined) this.#byRequest.set(requestId, [item]);
    else others.push(item);
  }

  /** One piece of a request's has stopped waiting. */
  leave(requestId: string, isIt: (item: T) => boolean): void {
    const left = this.#byRequest.get(requestId)?.filter((item) => !isIt(item)) ?? [];
    if (left.length === 0) this.#byRequest.delete(requestId);
    else this.#byRequest.set(requestId, left);
  }

  /** Takes all of a request's. */
  take(requestId: string): readonly T[] {
    const items = this.#byRequest.get(requestId) ?? [];
    this.#byRequest.delete(requestId);
    return items;
  }
}
