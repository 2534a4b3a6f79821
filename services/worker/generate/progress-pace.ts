/** Of one slate: what is shown more often than this nobody reads. */
const EACH_MS = 50;
/** Of all slates of a variant together: what they tell on the way costs the log and fusion about as much as an item costs the model. */
const ALL_MS = 5;

/** How often slates tell what they have so far, however many are under way. Pure: time comes in. */
export class ProgressPace {
  #toldAt = -Infinity;

  /** Whether it may tell now; if so, it counts as told. @param lastAt when this slate told last, ms; undefined: never */
  admits(lastAt: number | undefined, now: number): boolean {
    if (now - this.#toldAt < ALL_MS || (lastAt !== undefined && now - lastAt < EACH_MS)) return false;
    this.#toldAt = now;
    return true;
  }
}
