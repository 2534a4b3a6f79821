import { LRUCache } from 'lru-cache';
import { systemClock, type Clock } from '../../clock/index.ts';
import { checkAppendOptions } from '../append-options.ts';
import { cacheClosed } from '../cache-errors.ts';
import { MAX_OWNED, OWNED_TTL_MS } from '../owned.ts';
import type { AppendOptions, BoundedList, Cache, SetOptions } from '../types.ts';
import type { MemoryCacheOptions } from './options.ts';
import { StoredList } from './stored-list.ts';

const DEFAULT_MAX_ENTRIES = 100_000;
/** An estimate of what a key, its map slot and its list links take beside the text. */
const ENTRY_OVERHEAD_BYTES = 128;

interface Expiring<Content> {
  content: Content;
  /** Epoch ms; Infinity: never. */
  expiresAt: number;
}

/** The in-process cache: fast, not shared, gone with the process. */
class MemoryCache implements Cache {
  readonly shared = false;
  readonly description = 'in-process memory';
  readonly #values: LRUCache<string, Expiring<string>>;
  /** Keys by owner. It reserves memory, so it is made when the first value has one. */
  #owned: LRUCache<string, Set<string>> | undefined;
  readonly #maxEntries: number;
  readonly #lists: LRUCache<string, Expiring<StoredList>>;
  readonly #clock: Clock;
  #closed = false;

  constructor({ maxEntries = DEFAULT_MAX_ENTRIES, maxBytes, clock = systemClock }: MemoryCacheOptions) {
    this.#clock = clock;
    this.#values = new LRUCache({ max: maxEntries, ...bounded(maxBytes, ({ content }: Expiring<string>) => 2 * content.length) });
    this.#maxEntries = maxEntries;
    this.#lists = new LRUCache({ max: maxEntries, ...bounded(maxBytes, ({ content }: Expiring<StoredList>) => content.bytes) });
  }

  // The methods are async so that a misuse rejects, as over a network, and never throws.

  async get(key: string): Promise<string | undefined> {
    this.#assertOpen();
    return this.#fresh(this.#values, key);
  }

  async set(key: string, value: string, { ttlMs, owner }: SetOptions = {}): Promise<void> {
    this.#assertOpen();
    if (owner === undefined) return this.#store(key, value, ttlMs);
    this.#store(key, value, Math.min(ttlMs ?? OWNED_TTL_MS, OWNED_TTL_MS));
    this.#owned ??= new LRUCache({ max: this.#maxEntries });
    const owned = (this.#owned.get(owner) ?? new Set<string>()).add(key);
    this.#owned.set(owner, owned);
    for (const oldest of owned) {
      if (owned.size <= MAX_OWNED) return;
      owned.delete(oldest);
      this.#values.delete(oldest);
    }
  }

  async setIfAbsent(key: string, value: string, options?: { ttlMs?: number }): Promise<string> {
    this.#assertOpen();
    const existing = this.#fresh(this.#values, key);
    if (existing !== undefined) return existing;
    this.#store(key, value, options?.ttlMs);
    return value;
  }

  async increment(key: string, options?: { ttlMs?: number }): Promise<number> {
    this.#assertOpen();
    const count = Number(this.#fresh(this.#values, key) ?? 0) + 1;
    this.#store(key, String(count), options?.ttlMs);
    return count;
  }

  async delete(key: string): Promise<void> {
    this.#assertOpen();
    this.#values.delete(key);
    this.#lists.delete(key);
  }

  async deleteOwned(owner: string): Promise<void> {
    this.#assertOpen();
    for (const key of this.#owned?.get(owner) ?? []) this.#values.delete(key);
    this.#owned?.delete(owner);
  }

  async append(key: string, entry: string, options: AppendOptions): Promise<void> {
    this.#assertOpen();
    checkAppendOptions(options);
    const list = this.#fresh(this.#lists, key) ?? new StoredList();
    // Stored again even where nothing changed in size: the LRU order and the byte count follow.
    if (list.append(entry, options)) this.#lists.set(key, { content: list, expiresAt: this.#expiry(options.ttlMs) });
  }

  async list(key: string): Promise<BoundedList> {
    this.#assertOpen();
    return this.#fresh(this.#lists, key)?.read() ?? { entries: [], total: 0 };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#values.clear();
    this.#owned?.clear();
    this.#lists.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #store(key: string, value: string, ttlMs: number | undefined): void {
    this.#values.set(key, { content: value, expiresAt: this.#expiry(ttlMs) });
  }

  #expiry(ttlMs: number | undefined): number {
    return ttlMs === undefined ? Infinity : this.#clock.now() + ttlMs;
  }

  #fresh<Content>(cache: LRUCache<string, Expiring<Content>>, key: string): Content | undefined {
    const entry = cache.get(key);
    if (entry === undefined) return undefined;
    if (entry.expiresAt > this.#clock.now()) return entry.content;
    cache.delete(key);
    return undefined;
  }

  #assertOpen(): void {
    if (this.#closed) throw cacheClosed(this.description);
  }
}

function bounded<Entry>(maxBytes: number | undefined, contentBytes: (entry: Entry) => number) {
  if (maxBytes === undefined) return {};
  const sizeCalculation = (entry: Entry, key: string) => 2 * key.length + ENTRY_OVERHEAD_BYTES + contentBytes(entry);
  return { maxSize: maxBytes, sizeCalculation };
}

/** In-process cache on lru-cache, bounded by entries and, if asked, by bytes. */
export function createMemoryCache(options: MemoryCacheOptions = {}): Cache {
  return new MemoryCache(options);
}
