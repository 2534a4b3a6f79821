import { DEFAULT_TIER, type BatchTimePoint, type Heartbeat, type VariantLoad } from '@tandem/schemas';
import { interactiveQueued } from '../heartbeat/interactive-queued.ts';
import { batchMs, pooledCurve } from '../profile/index.ts';
import { fleetsOf, tierWaitMs, type Fleet, type FleetLoad } from './fleet.ts';
import type { Outstanding, PlaceCounts, PlaceNames } from './outstanding.ts';
import type { Forecast } from './types.ts';
import { wattsByPlace } from './watts.ts';
import type { Ways } from './way.ts';

/** Points of fewer batches are not trusted. */
const FEWEST_SAMPLES = 3;
/** Largest batch that a backlog is taken to be worked off in. */
const MOST_PER_BATCH = 32;
/** What other schedulers have under way shows in the least of so many heartbeats: between two of them counts do not fit together. */
const BEATS = 3;

/** Where work is shed the load counts as so many times what waits. */
const SHED_MEANS = 3;

/** What is known of one variant at the workers of one pool. */
class Place {
  readonly name: string;
  /** What this scheduler has under way there. */
  readonly own: PlaceCounts;
  curve: readonly BatchTimePoint[] = [];
  sessions = 0;
  /** Until it is loaded, the mean over its workers; 0: all have it in memory, ms. */
  reloadMs = 0;
  /** What a request costs more that has to build its user's prefix, ms. */
  missMs = 0;
  /** Reported by the workers beyond what this scheduler has under way. */
  others = 0;
  /** Variants of the same model at the same workers, this one among them. */
  siblings: readonly Place[] = [];
  /** That one busy session takes, the mean over its workers. Undefined: not all of them are measured. */
  sessionWatts: number | undefined;
  /** That serve it. */
  fleets: readonly Fleet[] = [];
  readonly #last: number[] = [];

  constructor(name: string, own: PlaceCounts) {
    this.name = name;
    this.own = own;
  }

  get waiting(): number {
    return this.own.total + this.others;
  }

  heard(reported: number): void {
    this.#last.push(Math.max(0, reported - this.own.total));
    if (this.#last.length > BEATS) this.#last.shift();
    this.others = Math.min(...this.#last);
  }
}

/** Expects how long one more step takes at each variant's workers: what waits there, what batches take, and the ways there and back. */
export class Forecaster {
  readonly #outstanding: Outstanding;
  readonly #ways: Ways;
  readonly #tierWeights: Readonly<Record<string, number>>;
  /** Of whoever asks: equal names that are not the same are compared letter by letter at each look. */
  readonly #names: PlaceNames;
  readonly #places = new Map<string, Place>();
  #fleets: ReadonlyMap<string, Fleet> = new Map();
  /** What each serves. */
  readonly #servedBy = new Map<Fleet, readonly Place[]>();
  #beats = 0;

  constructor(outstanding: Outstanding, ways: Ways, tierWeights: Readonly<Record<string, number>>, names: PlaceNames) {
    this.#outstanding = outstanding;
    this.#ways = ways;
    this.#tierWeights = tierWeights;
    this.#names = names;
  }

  /** The workers have said something new, or one has gone. */
  heard(live: readonly Heartbeat[]): void {
    this.#fleets = fleetsOf(live, this.#fleets);
    this.#servedBy.clear();
    this.#beats += 1;
    const loads = new Map<string, VariantLoad[]>();
    for (const place of this.#places.values()) {
      place.sessions = 0;
      place.fleets = [];
    }
    for (const { pool, variants, sessions = 1 } of live) {
      for (const load of variants) {
        const name = this.#names.of(load.model, load.precision, pool);
        const at = loads.get(name);
        if (at === undefined) loads.set(name, [load]);
        else at.push(load);
        this.#place(name).sessions += sessions;
      }
    }
    for (const [name, watts] of wattsByPlace(live)) this.#place(name).sessionWatts = watts;
    for (const [name, at] of loads) this.#learn(name, at, [...loads.keys()].filter((other) => modelAt(other) === modelAt(name)).map((other) => this.#place(other)));
    for (const fleet of this.#fleets.values()) {
      for (const name of new Set(fleet.places)) this.#place(name).fleets = [...this.#place(name).fleets, fleet];
      this.#servedBy.set(fleet, fleet.places.map((name) => this.#place(name)));
    }
  }

  /** Strangers name tiers: those without a weight are one. */
  tierOf(tier: string): string {
    return Object.hasOwn(this.#tierWeights, tier) ? tier : DEFAULT_TIER;
  }

  curveOf(place: string): readonly BatchTimePoint[] {
    return this.#places.get(place)?.curve ?? [];
  }

  /** Undefined: nobody knows what batches take there. */
  forecast(place: string, tier: string, now: number): Forecast | undefined {
    const asked = this.#place(place);
    const { sessions, curve, siblings } = asked;
    let waiting = 1;
    // Had this request's model only this variant: else the one that has a backlog would seem the cheaper one.
    for (const sibling of siblings) waiting += sibling.waiting;
    const size = batchSize(waiting, sessions);
    const computeMs = batchMs(curve, size);
    if (computeMs === undefined) return undefined;
    const known = this.tierOf(tier);
    const way = this.#ways.of(known);
    const { backlogMs, peakQueueMs } = this.#waitFor(asked, known, now);
    const { reloadMs } = asked;
    const queueMs = way.queueMs(backlogMs, now) + reloadMs;
    const forecast: Forecast = {
      backlogMs, queueMs, peakQueueMs: Math.max(queueMs, peakQueueMs), computeMs, costMs: computeMs / size,
      returnMs: way.backMs, soonestMs: way.soonestMs(backlogMs, now) + reloadMs + computeMs, deviationMs: way.deviationMs,
    };
    if (reloadMs !== 0) forecast.reloadMs = reloadMs;
    if (asked.sessionWatts !== undefined) forecast.joules = (asked.sessionWatts * computeMs) / size / 1_000;
    return forecast;
  }

  /** What a request costs more there that has to build its user's prefix, ms; 0: not known, or it keeps none. */
  missMs(place: string): number {
    return this.#places.get(place)?.missMs ?? 0;
  }

  #place(name: string): Place {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const place = new Place(name, this.#outstanding.at(name));
    this.#places.set(name, place);
    return place;
  }

  #learn(name: string, loads: readonly VariantLoad[], siblings: readonly Place[]): void {
    const place = this.#place(name);
    place.siblings = siblings;
    place.reloadMs = mean(loads.map(({ unloaded }) => unloaded?.reloadMs ?? 0));
    place.missMs = mean(loads.flatMap(({ prefixes }) => prefixes?.missMs ?? []));
    place.curve = pooledCurve(loads.map(({ batchTimes = [] }) => batchTimes.filter(({ samples }) => samples >= FEWEST_SAMPLES)));
    place.heard(loads.reduce((sum, load) => sum + interactiveAt(load), 0));
  }

  /** The mean of all fleets that serve it, by their sessions: keys are spread evenly. */
  #waitFor({ fleets }: Place, tier: string, now: number): { backlogMs: number; peakQueueMs: number } {
    let [sessions, nowMs, peakMs] = [0, 0, 0];
    for (const fleet of fleets) {
      const load = this.#loadOf(fleet, now);
      sessions += fleet.sessions;
      nowMs += fleet.sessions * tierWaitMs(load.work, tier, fleet.sessions, this.weightOf);
      peakMs += fleet.sessions * load.peakMs;
    }
    return sessions === 0 ? { backlogMs: 0, peakQueueMs: 0 } : { backlogMs: nowMs / sessions, peakQueueMs: peakMs / sessions };
  }

  /** Computed once for all that is asked of one decision. */
  #loadOf(fleet: Fleet, now: number): FleetLoad {
    const version = this.#outstanding.version + this.#beats;
    const { load, peak, sessions } = fleet;
    if (load.version === version) return load;
    load.version = version;
    this.#count(fleet);
    load.worstMs = 0;
    const { work } = load;
    for (let index = 0; index < work.size; index += 1) {
      const tier = work.tiers[index]!;
      load.worstMs = Math.max(load.worstMs, this.#ways.of(tier).queueMs(tierWaitMs(work, tier, sessions, this.weightOf), now));
    }
    load.peakMs = peak.update(load.worstMs, now);
    return load;
  }

  /** Work of a model had to be shed: the load is more than what is admitted shows. */
  shed(model: string, now: number): void {
    for (const fleet of this.#fleets.values()) {
      if (!fleet.places.some((place) => place.startsWith(`${model}.`))) continue;
      const load = this.#loadOf(fleet, now);
      load.peakMs = fleet.peak.update(SHED_MEANS * load.worstMs, now);
    }
  }

  /** @param tier as `tierOf` says */
  readonly weightOf = (tier: string): number => this.#tierWeights[tier] ?? 1;

  #count(fleet: Fleet): void {
    const { sessions: allSessions, load: { work } } = fleet;
    work.clear();
    for (const place of this.#servedBy.get(fleet)!) {
      const { sessions, others, waiting } = place;
      if (waiting === 0) continue;
      const msEach = (sessions === 0 ? 0 : allSessions / sessions) * costMs(place);
      for (const [tier, count] of place.own.byTier) if (count > 0) work.add(tier, count * msEach);
      if (others > 0) work.add(DEFAULT_TIER, others * msEach);
    }
  }
}

/** One request's share of the batches that the backlog makes, ms. */
function costMs({ waiting, sessions, curve }: Place): number {
  const size = batchSize(waiting, sessions);
  return (batchMs(curve, size) ?? 0) / size;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function batchSize(waiting: number, sessions: number): number {
  return Math.max(1, Math.min(MOST_PER_BATCH, waiting / Math.max(1, sessions)));
}

/** `model.precision@pool` → `model@pool` */
function modelAt(place: string): string {
  return place.replace(/\.[^@]*/, '');
}

function interactiveAt(load: VariantLoad): number {
  return interactiveQueued(load) + load.running;
}
