import type { Lane } from '@tandem/schemas';
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

/** A variant at the workers of one pool. */
export function placeName({ model, precision, pool }: { model: string; precision: string; pool?: string | undefined }): string {
  return pool === undefined ? `${model}.${precision}` : `${model}.${precision}@${pool}`;
}

/** Interactive work at one place, by tier. */
export type CountByTier = ReadonlyMap<string, number>;

const NONE: CountByTier = new Map();

/** The scheduler's own count of work under way: heartbeats alone are ten deadlines old. */
export class Outstanding {
  readonly #steps = new Map<string, Dispatched>();
  readonly #counts = new Map<string, Map<string, number>>();
  #version = 0;

  /** Another one whenever a count has changed. */
  get version(): number {
    return this.#version;
  }

  /** The same step again replaces the first: it was delivered twice. */
  add(dispatched: Dispatched): void {
    this.take(dispatched);
    this.#steps.set(keyOf(dispatched), dispatched);
    this.#count(dispatched, 1);
  }

  /** Undefined: another scheduler's, or forgotten. */
  take(step: Pick<Dispatched, 'requestId' | 'step'>): Dispatched | undefined {
    const key = keyOf(step);
    const dispatched = this.#steps.get(key);
    if (dispatched === undefined) return undefined;
    this.#steps.delete(key);
    this.#count(dispatched, -1);
    return dispatched;
  }

  /** Interactive work at a place. */
  at(place: string): CountByTier {
    return this.#counts.get(place) ?? NONE;
  }

  /** In the order of dispatch, so this ends at the first that is young. */
  forgetOld(now: number): void {
    for (const dispatched of this.#steps.values()) {
      const age = now - dispatched.dispatchedAt;
      if (age > FORGOTTEN_AFTER_MS[dispatched.lane]) this.take(dispatched);
      else if (age <= FORGOTTEN_AFTER_MS.interactive) return;
    }
  }

  clear(): void {
    this.#steps.clear();
    this.#counts.clear();
    this.#version += 1;
  }

  #count({ place, lane, tier }: Dispatched, change: number): void {
    if (lane === 'bulk') return;
    this.#version += 1;
    const tiers = this.#counts.get(place) ?? new Map<string, number>();
    this.#counts.set(place, tiers);
    const count = (tiers.get(tier) ?? 0) + change;
    if (count > 0) tiers.set(tier, count);
    else tiers.delete(tier);
  }
}

/** Of all tiers. */
export function total(counts: CountByTier): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}

function keyOf({ requestId, step }: Pick<Dispatched, 'requestId' | 'step'>): string {
  return `${step} ${requestId}`;
}
