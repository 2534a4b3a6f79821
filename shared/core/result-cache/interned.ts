import { sameContent } from './same-content.ts';

/** Of one name; whoever sends more kinds than that gets no memory saved. */
const MAX_OF_A_NAME = 8;
const MAX_NAMES = 1_000;

export interface InternedValue<Value> {
  readonly value: Value;
  /** Equal values have the same one; different values different ones. */
  readonly number: number;
}

/** One object for all equal ones, for values of which there are few, such as plans: it takes no memory again and compares at once. */
export class Interned<Value extends { id: string }> {
  readonly #byName = new Map<string, InternedValue<Value>[]>();
  #next = 0;

  of(value: Value): InternedValue<Value> {
    const sameName = this.#byName.get(value.id);
    const known = sameName?.find((one) => sameContent(one.value, value));
    if (known !== undefined) return known;
    const interned = { value, number: (this.#next += 1) };
    if (this.#byName.size >= MAX_NAMES) this.#byName.clear();
    if (sameName === undefined) this.#byName.set(value.id, [interned]);
    else if (sameName.push(interned) > MAX_OF_A_NAME) sameName.shift();
    return interned;
  }
}
