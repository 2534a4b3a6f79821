import { sameContent } from './same-content.ts';
import { structuralHash } from './structural-hash.ts';

const MAX_ENTRIES = 256;

/** One object for all equal ones, for values of which there are few, such as plans: they take no memory again and compare at once. */
export class Interned<Value> {
  readonly #values = new Map<number, Value>();

  of(value: Value): Value {
    const hash = structuralHash(value);
    const known = this.#values.get(hash);
    if (known !== undefined && sameContent(known, value)) return known;
    if (this.#values.size >= MAX_ENTRIES) this.#values.clear();
    this.#values.set(hash, value);
    return value;
  }
}
