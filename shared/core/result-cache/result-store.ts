import { contentBytes } from './content-bytes.ts';
import { sameKey, type ContentKey } from './content-key.ts';

/** A map entry, its key object and the entry itself. */
const ENTRY_OVERHEAD_BYTES = 200;

export interface StoredResult<Value> {
  readonly value: Value;
  /** When it was computed, epoch ms. */
  readonly storedAt: number;
}

interface Entry<Value, Owner> extends StoredResult<Value> {
  readonly key: ContentKey;
  readonly owner: Owner;
  readonly bytes: number;
}

/**
 * Results by what they depend on, bounded by estimated bytes, least recently used first out. A hash finds an entry, its
 * whole content has to agree: of two contents with one hash the later one replaces the earlier one, and neither is ever
 * answered with the other's result. All operations O(1) beside the walk through the content, but `removeWhere`.
 */
export class ResultStore<Value, Owner> {
  /** By hash; least recently used first. */
  readonly #entries = new Map<number, Entry<Value, Owner>>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor({ maxBytes }: { maxBytes: number }) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @param oldestAt epoch ms; what was stored before that is too old */
  get(key: ContentKey, oldestAt: number): StoredResult<Value> | undefined {
    const entry = this.#entries.get(key.hash);
    if (entry === undefined || !sameKey(entry.key, key)) return undefined;
    this.#remove(entry);
    if (entry.storedAt < oldestAt) return undefined;
    this.#add(entry);
    return entry;
  }

  /** What is larger than the whole store is not kept. */
  set(key: ContentKey, { value, storedAt }: StoredResult<Value>, owner: Owner): void {
    const before = this.#entries.get(key.hash);
    if (before !== undefined) this.#remove(before);
    const bytes = ENTRY_OVERHEAD_BYTES + contentBytes(key.own ?? key.content) + contentBytes(value);
    if (bytes > this.#maxBytes) return;
    this.#add({ key, value, storedAt, owner, bytes });
    if (this.#bytes > this.#maxBytes) this.#shrink();
  }

  /** Looks at every entry; returns how many it removed. */
  removeWhere(isUnwanted: (owner: Owner) => boolean): number {
    const unwanted = [...this.#entries.values()].filter(({ owner }) => isUnwanted(owner));
    for (const entry of unwanted) this.#remove(entry);
    return unwanted.length;
  }

  #shrink(): void {
    for (const oldest of this.#entries.values()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#remove(oldest);
    }
  }

  #add(entry: Entry<Value, Owner>): void {
    this.#entries.set(entry.key.hash, entry);
    this.#bytes += entry.bytes;
  }

  #remove(entry: Entry<Value, Owner>): void {
    this.#entries.delete(entry.key.hash);
    this.#bytes -= entry.bytes;
  }
}
