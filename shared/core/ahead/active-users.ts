import type { Random } from '../../clock/index.ts';

export interface ActiveUsersOptions {
  /** Of so many the activity is known. */
  maxUsers: number;
  /** What was computed longer ago is not fresh any more, ms. */
  freshForMs: number;
  random: Random;
}

/** Who asked, and what for: enough to ask it again on his behalf. */
export interface AskedFor<Template> {
  userId: string;
  /** On whose behalf; results of tenants are kept apart. */
  tenant: string | undefined;
  template: Template;
}

interface Entry<Template> extends AskedFor<Template> {
  /** Requests, halved each half-life, as of `at`. */
  score: number;
  at: number;
  /** What he will ask for next is not what was computed last. */
  isDue: boolean;
  computedAt: number;
}

const HALF_LIFE_MS = 600_000;
/** Below this nobody expects the user back. */
const LEAST_SCORE = 0.5;
/** Looked at for the least active one, where all places are taken. */
const SAMPLED = 8;

/**
 * The most active users, and which of them have done something since their last result was computed. Bounded; O(1) per request
 * and interaction: where all places are taken a newcomer replaces the least active of a few drawn by lot, the less likely the
 * more active that is. Pure: time comes in, epoch ms.
 */
export class ActiveUsers<Template> {
  readonly #options: ActiveUsersOptions;
  readonly #entries: Entry<Template>[] = [];
  readonly #places = new Map<string, number>();
  /** By user: he may ask on behalf of several tenants. */
  readonly #keys = new Map<string, Set<string>>();

  constructor(options: ActiveUsersOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** @param isComputed the request itself has its result computed; false: it was of long ago */
  asked(by: AskedFor<Template>, now: number, isComputed: boolean): void {
    const known = this.#entries[this.#places.get(keyOf(by)) ?? -1];
    const seen = { score: 1 + (known === undefined ? 0 : scoreOf(known, now)), at: Math.max(known?.at ?? 0, now), isDue: !isComputed, computedAt: isComputed ? now : -Infinity };
    if (known === undefined) this.#admit({ ...by, ...seen }, now);
    else Object.assign(known, seen, { template: by.template });
  }

  /** His features have changed. */
  acted(userId: string): void {
    for (const key of this.#keys.get(userId) ?? []) this.#entries[this.#places.get(key)!]!.isDue = true;
  }

  /** Nothing is known of him any more. */
  forget(userId: string): void {
    for (const key of [...(this.#keys.get(userId) ?? [])]) this.#remove(this.#places.get(key)!);
  }

  /** Whatever was computed is gone: a worker begins with an empty memory. */
  allDue(): void {
    for (const entry of this.#entries) entry.isDue = true;
  }

  /** Those whose next result is to be computed, the most active first; they count as computed from now on. */
  take(count: number, now: number): AskedFor<Template>[] {
    const oldest = now - this.#options.freshForMs;
    const due = this.#entries.filter((entry) => (entry.isDue || entry.computedAt <= oldest) && scoreOf(entry, now) >= LEAST_SCORE);
    const taken = due.sort((a, b) => scoreOf(b, now) - scoreOf(a, now)).slice(0, count);
    for (const entry of taken) Object.assign(entry, { isDue: false, computedAt: now });
    return taken;
  }

  #admit(entry: Entry<Template>, now: number): void {
    if (this.#entries.length >= this.#options.maxUsers && !this.#makeRoom(now)) return;
    const key = keyOf(entry);
    this.#places.set(key, this.#entries.length);
    this.#entries.push(entry);
    const others = this.#keys.get(entry.userId);
    if (others === undefined) this.#keys.set(entry.userId, new Set([key]));
    else others.add(key);
  }

  #makeRoom(now: number): boolean {
    const { random } = this.#options;
    const drawn = Array.from({ length: SAMPLED }, () => Math.floor(random() * this.#entries.length));
    const least = drawn.reduce((a, b) => (scoreOf(this.#entries[a]!, now) <= scoreOf(this.#entries[b]!, now) ? a : b));
    if (random() * scoreOf(this.#entries[least]!, now) >= 1) return false;
    this.#remove(least);
    return true;
  }

  /** The last one takes the place. */
  #remove(place: number): void {
    const entry = this.#entries[place]!;
    const key = keyOf(entry);
    this.#places.delete(key);
    const others = this.#keys.get(entry.userId)!;
    others.delete(key);
    if (others.size === 0) this.#keys.delete(entry.userId);
    const last = this.#entries.pop()!;
    if (last === entry) return;
    this.#entries[place] = last;
    this.#places.set(keyOf(last), place);
  }
}

function keyOf({ userId, tenant = '' }: AskedFor<unknown>): string {
  return `${tenant}\n${userId}`;
}

function scoreOf({ score, at }: Entry<unknown>, now: number): number {
  return score * 2 ** (-Math.max(0, now - at) / HALF_LIFE_MS);
}
