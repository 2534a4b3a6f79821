/** Keeps the newest so many of a stream of any length, in the order of time. */
export class Newest<Item extends { time: number }> {
  readonly #limit: number;
  #items: Item[] = [];
  #seen = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(item: Item): void {
    this.#seen += 1;
    this.#items.push(item);
    if (this.#items.length >= 2 * this.#limit + 1_000) this.#items = this.items;
  }

  get items(): Item[] {
    return this.#items.toSorted((a, b) => a.time - b.time).slice(-this.#limit);
  }

  get seen(): number {
    return this.#seen;
  }
}
