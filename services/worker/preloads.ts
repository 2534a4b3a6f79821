import { Trend } from '@tandem/shared/core';

const WINDOW_MS = 180_000;
/** Beyond this use of the sessions schedulers take to cheaper variants. */
const FULL_FROM = 0.7;
/** Before a load is needed it has to be done; this much earlier, ms. */
const MARGIN_MS = 2_000;

/** What has to be known of a variant. */
export interface Preloadable {
  readonly variant: { readonly model: string };
  /** One request's share of a full batch, ms. */
  readonly costMs: number;
  readonly isLoaded: boolean;
  /** What loading it takes, ms. */
  readonly reloadMs: number;
}

/** Tells which variant the load is going to need: a model whose load rises towards what its loaded variants can do gets its cheapest one. */
export class Preloads<Served extends Preloadable> {
  readonly #served: readonly Served[];
  readonly #sessions: number;
  readonly #arrived = new Map<Served, number>();
  readonly #trends = new Map<string, Trend>();
  #at: number | undefined;

  constructor(served: readonly Served[], sessions: number) {
    this.#served = served;
    this.#sessions = sessions;
  }

  /** A piece of work for it. */
  arrived(served: Served): void {
    this.#arrived.set(served, (this.#arrived.get(served) ?? 0) + 1);
  }

  /** Asked for now and then. Undefined: nothing that is not loaded is going to be needed. */
  needed(now: number): Served | undefined {
    const sinceMs = now - (this.#at ?? now);
    this.#at = now;
    let needed: Served | undefined;
    for (const model of new Set(this.#served.map(({ variant }) => variant.model))) {
      const trend = this.#trends.get(model) ?? new Trend(WINDOW_MS);
      this.#trends.set(model, trend);
      if (sinceMs > 0) trend.add(now, this.#workOf(model) / sinceMs / this.#sessions);
      needed ??= this.#candidate(model, trend);
    }
    this.#arrived.clear();
    return needed;
  }

  /** Session time that what arrived for it needs, ms. */
  #workOf(model: string): number {
    let ms = 0;
    for (const [{ variant, costMs }, count] of this.#arrived) if (variant.model === model) ms += count * costMs;
    return ms;
  }

  #candidate(model: string, trend: Trend): Served | undefined {
    const all = this.#served.filter(({ variant }) => variant.model === model);
    const cheapest = all.toSorted((a, b) => a.costMs - b.costMs)[0];
    if (cheapest === undefined || cheapest.isLoaded || all.length < 2) return undefined;
    return (trend.risesTo(cheapest.reloadMs + MARGIN_MS) ?? 0) >= FULL_FROM ? cheapest : undefined;
  }
}
