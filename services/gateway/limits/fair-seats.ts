interface Seat {
  tenant: string | undefined;
  evict: () => void;
}

/**
 * Places that are kept for as long as their holders like. All can be one tenant's while no other wants any; whoever comes then gets the
 * latest of the tenant that has the most, as long as that is left with no fewer: in the end all have the same, or all they want.
 */
export class FairSeats {
  readonly #capacity: number;
  /** The latest is the last. */
  readonly #seats = new Set<Seat>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /**
   * @param evict called when another needs the place more; it is free already then
   * @returns gives it back; undefined: there is none
   */
  take(tenant: string | undefined, evict: () => void): (() => void) | undefined {
    if (this.#seats.size >= this.#capacity && !this.#makeRoomFor(tenant)) return undefined;
    const seat = { tenant, evict };
    this.#seats.add(seat);
    return () => void this.#seats.delete(seat);
  }

  #makeRoomFor(tenant: string | undefined): boolean {
    const counts = this.#counts();
    const [richest, most] = [...counts].reduce((one, other) => (other[1] > one[1] ? other : one), [tenant, 0] as [string | undefined, number]);
    if ((counts.get(tenant) ?? 0) + 1 > most - 1) return false;
    const latest = [...this.#seats].findLast((seat) => seat.tenant === richest);
    if (latest === undefined) return false;
    this.#seats.delete(latest);
    latest.evict();
    return true;
  }

  #counts(): Map<string | undefined, number> {
    const counts = new Map<string | undefined, number>();
    for (const { tenant } of this.#seats) counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
    return counts;
  }
}
