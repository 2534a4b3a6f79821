import type { PrefixCacheOptions, PrefixCounts, PrefixLease, PrefixMatch } from './types.ts';

const STEP_COST_TOKENS = 20;
const NOTHING: PrefixMatch = { reused: 0, missing: 0 };

/** A slot's content, as far as it can be trusted. */
interface Entry {
  readonly slot: number;
  readonly tokens: Int32Array;
  /** Positions from here on hold leftovers. */
  length: number;
  owner: string;
  usedAt: number;
  /** Belongs to a batch. */
  lease: PrefixLease | undefined;
  /** Its owner is to be forgotten when the batch has ended. */
  doomed: boolean;
}

/**
 * Which slot of preallocated memory holds whose prefix, and how much of it a new sequence can go on from. A prefix is
 * matched by its content, token by token; the owner only says where to look, so a wrong owner costs time, never an answer.
 * The least recently used prefix makes room; slots of running batches stay. No I/O; the memory itself is the caller's.
 */
export class PrefixCache {
  readonly #options: Required<PrefixCacheOptions>;
  readonly #byOwner = new Map<string, Entry>();
  /** Not leased; least recently used first. */
  readonly #idle = new Set<Entry>();
  readonly #free: Entry[];
  #evictions = 0;
  #dropped = 0;

  constructor(options: PrefixCacheOptions) {
    this.#options = { stepCostTokens: STEP_COST_TOKENS, ...options };
    const { slots, positions } = options;
    const entry = (_: unknown, index: number): Entry => ({
      slot: slots - 1 - index, tokens: new Int32Array(positions), length: 0, owner: '', usedAt: 0, lease: undefined, doomed: false,
    });
    this.#free = Array.from({ length: slots }, entry);
  }

  get counts(): PrefixCounts {
    return { used: this.#byOwner.size, evictions: this.#evictions, dropped: this.#dropped };
  }

  owners(): readonly string[] {
    return [...this.#byOwner.keys()];
  }

  /** Whether the sequence can be kept at all. */
  fits(tokens: readonly number[]): boolean {
    return tokens.length > 0 && tokens.length <= this.#options.positions && this.#options.slots > 0;
  }

  /** What `acquire` would find now. */
  match(owner: string, tokens: readonly number[]): PrefixMatch {
    const entry = this.#byOwner.get(owner);
    return entry === undefined ? { ...NOTHING, missing: tokens.length } : this.#match(entry, tokens);
  }

  /**
   * Takes the owner's slot, or one for a new owner, until `commit` or `drop`. From now on the slot is trusted up to `reused` only.
   * @param mayEvict false: an owner without a prefix gets none that another has
   * @returns undefined: it cannot be had; another batch has it, or all slots, or the sequence does not fit
   */
  acquire(owner: string, tokens: readonly number[], now: number, mayEvict = true): PrefixLease | undefined {
    if (!this.fits(tokens)) return undefined;
    const entry = this.#byOwner.get(owner) ?? this.#room(mayEvict);
    if (entry === undefined || entry.lease !== undefined) return undefined;
    const match = entry.owner === owner ? this.#match(entry, tokens) : { reused: 0, missing: tokens.length };
    const lease = { ...match, slot: entry.slot, owner, tokens };
    this.#byOwner.set(owner, entry);
    this.#idle.delete(entry);
    Object.assign(entry, { owner, lease, length: match.reused, usedAt: now, doomed: false });
    return lease;
  }

  /** The slot holds the lease's whole sequence now. @returns false: its owner was forgotten meanwhile, the slot is to be wiped */
  commit(lease: PrefixLease, now: number): boolean {
    const entry = this.#leased(lease);
    if (entry.doomed) {
      this.drop(lease);
      return false;
    }
    entry.tokens.set(lease.tokens);
    entry.length = lease.tokens.length;
    entry.lease = undefined;
    entry.usedAt = now;
    this.#idle.add(entry);
    return true;
  }

  /** Nobody knows what the slot holds: it is not trusted again. */
  drop(lease: PrefixLease): void {
    this.#dropped += 1;
    this.#release(this.#leased(lease));
  }

  /** @returns the slot to be wiped; undefined: there is none, or a batch has it and it is given up afterwards */
  forget(owner: string): number | undefined {
    const entry = this.#byOwner.get(owner);
    if (entry === undefined) return undefined;
    if (entry.lease !== undefined) {
      entry.doomed = true;
      return undefined;
    }
    this.#dropped += 1;
    this.#release(entry);
    return entry.slot;
  }

  /** Gives up what has been idle for too long. @returns the slots, to be wiped */
  expire(now: number): number[] {
    const slots: number[] = [];
    for (const entry of this.#idle) {
      if (now - entry.usedAt < this.#options.idleMs) break;
      slots.push(entry.slot);
      this.#dropped += 1;
      this.#release(entry);
    }
    return slots;
  }

  #match(entry: Entry, tokens: readonly number[]): PrefixMatch {
    // The last token is always computed: its state is what the answer is made of.
    const most = Math.min(entry.length, tokens.length - 1);
    let common = 0;
    while (common < most && entry.tokens[common] === tokens[common]) common += 1;
    const missing = tokens.length - common;
    const worthIt = common > 0 && missing <= Math.max(1, Math.floor(tokens.length / this.#options.stepCostTokens));
    return worthIt ? { reused: common, missing } : { reused: 0, missing: tokens.length };
  }

  #room(mayEvict: boolean): Entry | undefined {
    const free = this.#free.pop();
    if (free !== undefined || !mayEvict) return free;
    const [oldest] = this.#idle;
    if (oldest === undefined) return undefined;
    this.#evictions += 1;
    this.#release(oldest);
    return this.#free.pop();
  }

  #release(entry: Entry): void {
    this.#byOwner.delete(entry.owner);
    this.#idle.delete(entry);
    entry.tokens.fill(0);
    Object.assign(entry, { owner: '', lease: undefined, length: 0, doomed: false });
    this.#free.push(entry);
  }

  /** @throws {Error} where the lease has ended before: a defect that would give one user's memory to two batches */
  #leased(lease: PrefixLease): Entry {
    const entry = this.#byOwner.get(lease.owner);
    if (entry?.lease !== lease) throw new Error(`the lease of slot ${lease.slot} has ended before`);
    return entry;
  }
}
