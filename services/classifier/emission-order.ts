import { PassingMap } from '@tandem/shared/collections';

/**
 * Keeps what a key's records give in the order of the records, where that matters. Rests on this: a caller that takes
 * up a promise as soon as it is returned hears of it before anything that waits for it here.
 */
export class EmissionOrder {
  /** Settles when all of the key's records so far have given what they give. */
  readonly #last = new PassingMap<string, Promise<unknown>>();

  /** Goes on beside the key's others, and may overtake them. */
  beside<Result>(key: string, work: Promise<Result>): Promise<Result> {
    this.#track(key, work);
    return work;
  }

  /** Comes after everything that the key's records before it give, whatever became of them. */
  behind<Result>(key: string, work: Promise<Result>): Promise<Result> {
    const before = this.#last.get(key);
    if (before === undefined) return this.beside(key, work);
    // It may fail while nobody listens yet.
    work.catch(nothing);
    return this.beside(key, before.then(() => work));
  }

  /** True: records of the key are being handled. */
  has(key: string): boolean {
    return this.#last.has(key);
  }

  #track(key: string, work: Promise<unknown>): void {
    const settled = work.then(nothing, nothing);
    const before = this.#last.get(key);
    const last: Promise<unknown> = before === undefined ? settled : Promise.all([before, settled]);
    this.#last.set(key, last);
    void last.then(() => {
      if (this.#last.get(key) === last) this.#last.delete(key);
    });
  }
}

const nothing = () => undefined;
