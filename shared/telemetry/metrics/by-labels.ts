/** Values of labels by name; one that is absent stays absent. */
export type LabelValues<Label extends string = string> = Partial<Record<Label, string | number>>;

/**
 * Something for each set of labels, found value by value: the library writes all labels into a text and looks that up, each
 * time. 0.45 µs for a counter with three labels and 0.6 µs for a histogram become 0.06 µs, some thirty times a request.
 */
export class ByLabels<Kept> {
  readonly #names: readonly string[];
  readonly #make: (labels: LabelValues) => Kept;
  readonly #root = new Map<unknown, unknown>();
  readonly #all: Kept[] = [];

  /** @param make called once for each set of labels, with their values as text */
  constructor(names: readonly string[], make: (labels: LabelValues) => Kept) {
    // Without labels there is one: under no value of no name.
    this.#names = names.length === 0 ? [''] : names;
    this.#make = make;
  }

  /** In the order of their making. */
  get all(): readonly Kept[] {
    return this.#all;
  }

  /** @throws {Error} where one of the labels is not among the names */
  of(labels: LabelValues): Kept {
    return this.#find(labels) ?? this.#add(labels);
  }

  #find(labels: LabelValues): Kept | undefined {
    let found: unknown = this.#root;
    for (const name of this.#names) {
      found = (found as Map<unknown, unknown>).get(labels[name]);
      if (found === undefined) return undefined;
    }
    return found as Kept;
  }

  /** 1 and '1' are the same label. */
  #add(labels: LabelValues): Kept {
    const unknown = Object.keys(labels).find((name) => !this.#names.includes(name));
    if (unknown !== undefined) throw new Error(`there is no label ${unknown}; there are ${this.#names.join(', ')}`);
    const asText = Object.fromEntries(Object.entries(labels).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])));
    let kept = this.#find(asText);
    if (kept === undefined) {
      kept = this.#make(asText);
      this.#all.push(kept);
      this.#put(asText, kept);
    }
    this.#put(labels, kept);
    return kept;
  }

  #put(labels: LabelValues, kept: Kept): void {
    let map = this.#root;
    for (const name of this.#names.slice(0, -1)) {
      let next = map.get(labels[name]) as Map<unknown, unknown> | undefined;
      if (next === undefined) map.set(labels[name], next = new Map());
      map = next;
    }
    map.set(labels[this.#names.at(-1) ?? ''], kept);
  }
}
