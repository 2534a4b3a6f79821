import type { Lane } from '@tandem/schemas';
import { PassingMap } from '../../collections/index.ts';
import type { Forecast } from './types.ts';

/** A step that has been given to the workers and has not come back. */
export interface Dispatched {
  requestId: string;
  step: string;
  /** Where it has gone. */
  place: string;
  lane: Lane;
  tier: string;
  /** Epoch ms. */
  dispatchedAt: number;
  /** What was expected of it then. */
  forecast: Forecast | undefined;
}

/** What will not come back any more is forgotten after so long: its worker died, or others got its outcome. */
const FORGOTTEN_AFTER_MS = { interactive: 30_000, bulk: 600_000 };

/**
 * A variant at the workers of one pool, by its name. Joined: V8 keeps the parts of a template, so that later on two references to one name may
 * be two strings, which each look compares letter by letter.
 */
export function placeName({ model, precision, pool }: { model: string; precision: string; pool?: string | undefined }): string {
  return pool === undefined ? [model, precision].join('.') : [model, '.', precision, '@', pool].join('');
}

/** Interactive work at one place. */
export interface PlaceCounts {
  /** 0 where there was some once: tiers are few, and a map that loses and gets them with each request is made anew each time. */
  readonly byTier: ReadonlyMap<string, number>;
  /** Of all tiers. */
  readonly total: number;
}

interface Counts extends PlaceCounts {
  byTier: Map<string, number>;
  total: number;
}

/** The scheduler's own count of work under way: heartbeats alone are ten deadlines old. */
export class Outstanding {
  /** By step, of which there are few, and request: no key has to be put together for each look. */
  readonly #steps = new Map<string, PassingMap<string, Dispatched>>();
  readonly #counts = new Map<string, Counts>();
  #version = 0;

  /** Another one whenever a count has changed. */
  get version(): number {
    return this.#version;
  }

  /** The same step again replaces the first: it was delivered twice. */
  add(dispatched: Dispatched): void {
    const { step, requestId } = dispatched;
    let requests = this.#steps.get(step);
    if (requests === undefined) this.#steps.set(step, (requests = new PassingMap<string, Dispatched>()));
    if (!requests.add(requestId, dispatched)) {
      this.take(dispatched);
      requests.set(requestId, dispatched);
    }
    this.#count(dispatched, 1);
  }

  /** Undefined: another scheduler's, or forgotten. */
  take({ step, requestId }: Pick<Dispatched, 'requestId' | 'step'>): Dispatched | undefined {
    const dispatched = this.#steps.get(step)?.take(requestId);
    if (dispatched !== undefined) this.#count(dispatched, -1);
    return dispatched;
  }

  /** Interactive work at a place: always the same object, which stays up to date. */
  at(place: string): PlaceCounts {
    return this.#countsOf(place);
  }

  /** In the order of dispatch, so this ends at the first that is young. */
  forgetOld(now: number): void {
    for (const requests of this.#steps.values()) this.#forgetOldOf(requests, now);
  }

  #forgetOldOf(requests: Pick<PassingMap<string, Dispatched>, 'values'>, now: number): void {
    for (const dispatched of requests.values()) {
      const age = now - dispatched.dispatchedAt;
      if (age > FORGOTTEN_AFTER_MS[dispatched.lane]) this.take(dispatched);
      else if (age <= FORGOTTEN_AFTER_MS.interactive) return;
    }
  }

  clear(): void {
    this.#steps.clear();
    for (const counts of this.#counts.values()) {
      counts.byTier.clear();
      counts.total = 0;
    }
    this.#version += 1;
  }

  #count({ place, lane, tier }: Dispatched, change: number): void {
    if (lane === 'bulk') return;
    this.#version += 1;
    const counts = this.#countsOf(place);
    counts.total += change;
    counts.byTier.set(tier, Math.max(0, (counts.byTier.get(tier) ?? 0) + change));
  }

  #countsOf(place: string): Counts {
    let counts = this.#counts.get(place);
    if (counts === undefined) this.#counts.set(place, (counts = { byTier: new Map(), total: 0 }));
    return counts;
  }
}

interface NamedPlace {
  model: string;
  precision: string;
  pool: string | undefined;
  name: string;
}

/** Requests of a few steps ask for so many in turn. */
const RECENT = 4;

/** Names of places, put together once: each decision asks for some. */
export class PlaceNames {
  readonly #names = new Map<string, Map<string, Map<string | undefined, string>>>();
  /** Most ask for what was asked for just before: to compare takes less than to look up. */
  readonly #recent: NamedPlace[] = [];
  #oldest = 0;

  of(model: string, precision: string, pool: string | undefined): string {
    for (const recent of this.#recent) if (recent.model === model && recent.precision === precision && recent.pool === pool) return recent.name;
    const name = this.#names.get(model)?.get(precision)?.get(pool) ?? this.#added(model, precision, pool);
    this.#recent[this.#oldest] = { model, precision, pool, name };
    this.#oldest = (this.#oldest + 1) % RECENT;
    return name;
  }

  #added(model: string, precision: string, pool: string | undefined): string {
    const precisions = this.#names.get(model) ?? new Map<string, Map<string | undefined, string>>();
    const pools = precisions.get(precision) ?? new Map<string | undefined, string>();
    this.#names.set(model, precisions.set(precision, pools));
    const name = placeName({ model, precision, pool });
    pools.set(pool, name);
    return name;
  }
}
