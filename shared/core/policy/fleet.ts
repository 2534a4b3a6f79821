import type { Heartbeat } from '@tandem/schemas';
import { placeName } from './outstanding.ts';
import { PeakHold } from './peak-hold.ts';

/** What a fleet has to do, as of a moment. Made anew for each decision, so in the same place. */
export interface FleetLoad {
  /** Of the counts that it was made from. */
  version: number;
  readonly work: WorkByTier;
  /** The longest wait of any tier, ms. */
  worstMs: number;
  /** Its recent peak. */
  peakMs: number;
}

/** Workers that serve the same variants: what waits for one of these waits for the same sessions. */
export interface Fleet {
  /** What is served. */
  places: readonly string[];
  workers: number;
  sessions: number;
  readonly load: FleetLoad;
  peak: PeakHold;
}

/** @param before peaks outlive what workers say */
export function fleetsOf(live: readonly Heartbeat[], before: ReadonlyMap<string, Fleet>): Map<string, Fleet> {
  const fleets = new Map<string, Fleet>();
  for (const { pool, variants, sessions = 1 } of live) {
    const places = variants.filter(({ breaker = 'closed' }) => breaker !== 'open').map((load) => placeName({ ...load, pool })).sort();
    const key = places.join(' ');
    const fleet = fleets.get(key) ?? { places, workers: 0, sessions: 0, load: { version: -1, work: new WorkByTier(), worstMs: 0, peakMs: 0 }, peak: before.get(key)?.peak ?? new PeakHold() };
    fleet.workers += 1;
    fleet.sessions += sessions;
    fleets.set(key, fleet);
  }
  return fleets;
}

/** What each tier waits for at a fleet, ms of session time. Tiers are few: a list takes less than a map. What lies behind `size` is of before: lists that are emptied are made anew. */
export class WorkByTier {
  readonly tiers: string[] = [];
  readonly ms: number[] = [];
  size = 0;

  clear(): void {
    this.size = 0;
  }

  add(tier: string, ms: number): void {
    let at = 0;
    while (at < this.size && this.tiers[at] !== tier) at += 1;
    if (at < this.size) this.ms[at]! += ms;
    else {
      this.tiers[at] = tier;
      this.ms[at] = ms;
      this.size += 1;
    }
  }
}

/**
 * How long new work of a tier waits before its turn: behind all that is there, but no longer than its tier's guaranteed share of the
 * sessions needs for its own (generalized processor sharing: Parekh and Gallager, 1993). So under overload the tier with the
 * smallest weight is late first.
 * @returns ms
 */
export function tierWaitMs(work: WorkByTier, tier: string, sessions: number, weightOf: (tier: string) => number): number {
  let all = 0;
  let weights = 0;
  let own: number | undefined;
  for (let index = 0; index < work.size; index += 1) {
    const ms = work.ms[index]!;
    all += ms;
    weights += weightOf(work.tiers[index]!);
    if (work.tiers[index] === tier) own = ms;
  }
  if (own === undefined) weights += weightOf(tier);
  return Math.min(all, ((own ?? 0) * weights) / weightOf(tier)) / Math.max(1, sessions);
}
