import type { AppendOptions, BoundedList } from '../types.ts';

/** One bounded list: its newest entries, how many there ever were, and the last offset applied from each source. */
export class StoredList {
  readonly #entries: string[] = [];
  readonly #applied = new Map<string, number>();
  #total = 0;
  #characters = 0;

  /** False: this offset, or a later one of the source, has been applied before. */
  append(entry: string, { limit, source, offset }: AppendOptions): boolean {
    const applied = this.#applied.get(source);
    if (applied !== undefined && applied >= offset) return false;
    this.#applied.set(source, offset);
    this.#entries.push(entry);
    this.#characters += entry.length;
    this.#total += 1;
    for (const dropped of this.#entries.splice(0, Math.max(0, this.#entries.length - limit))) {
      this.#characters -= dropped.length;
    }
    return true;
  }

  read(): BoundedList {
    return { entries: [...this.#entries], total: this.#total };
  }

  /** An estimate: UTF-16 text plus what an array element and a map entry take. */
  get bytes(): number {
    return 2 * this.#characters + 16 * this.#entries.length + 64 * this.#applied.size;
  }
}
