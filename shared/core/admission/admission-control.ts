import { Smoothed, SmoothedRate } from './smoothed.ts';
import { ADMISSION_DEFAULTS, type AdmissionHeartbeat, type AdmissionOptions, type OwnShare } from './types.ts';
import { WorkerWatch, type BulkLoad } from './worker-watch.ts';

/** How often the ceiling that CPU use sets is reconsidered: as often as workers report. */
const CEILING_INTERVAL_MS = 500;
/** Of the ceiling, per unit of CPU use that is free. */
const CEILING_GAIN = 1.5;
/** And that is missing: who is in the way leaves sooner than he comes. */
const CEILING_LOSS = 4;
/** Where nothing is left the measured use does not say how much too much there is. */
const EXHAUSTED_USE = 0.99;
const EXHAUSTED_CUT = 0.4;
/** The ceiling stays near what is admitted, so that it is felt as soon as it is needed. */
const CEILING_HEADROOM = 2;
const FIRST_CEILING_PER_SECOND = 1_000;
const SHARE_WINDOW_MS = 3_000;
/** Workers with less than this part of their target get done what they are given: what they could do shows only with more. */
const STARVING = 0.1;
const STARVING_BOOST = 2;
/** Steps can be skipped: more may have to be admitted than arrives. */
const MAX_SHARE = 2;
/** A request can have several steps, and less has to be admitted than arrives; also the least of the share by partitions. */
const MIN_OF_PARTITIONS = 0.5;
/** Fewer interactive requests than this are none. */
const PRESENT_PER_SECOND = 0.5;
/** Below this many arrivals per second shares cannot be told from chance. */
const MEASURABLE_PER_SECOND = 20;

/**
 * Decides how much bulk work may enter the flow, so that workers always have a little waiting and interactive requests
 * meet little of it on their way: what workers get done (feed-forward), corrected by how far their backlog is from its
 * target (proportional), under a ceiling that yields where work piles up
 * before the workers, and where CPU is short while there are interactive requests. Several classifiers decide alike, each for its
 * share: what it has admitted of all that arrived lately, or its share of the partitions where that is more.
 * Work is counted in steps of plans. Pure: time comes in.
 */
export class AdmissionControl {
  readonly #options: AdmissionOptions;
  readonly #watch: WorkerWatch;
  readonly #admitted = new SmoothedRate(SHARE_WINDOW_MS);
  readonly #arriving = new Smoothed(SHARE_WINDOW_MS);
  #ceiling = FIRST_CEILING_PER_SECOND;
  #ceilingAt = -Infinity;

  constructor(options: Partial<AdmissionOptions> = {}) {
    this.#options = { ...ADMISSION_DEFAULTS, ...options };
    this.#watch = new WorkerWatch(this.#options.staleAfterMs);
  }

  heard(heartbeat: AdmissionHeartbeat, now: number): void {
    this.#watch.heard(heartbeat, now);
  }

  /** A worker said that it leaves. */
  gone(instance: string): void {
    this.#watch.gone(instance);
  }

  /** Requests that may be admitted per second from now on; at least the floor, also where no worker is heard. */
  perSecond(own: OwnShare, now: number): number {
    const { floorPerSecond, floorShare, ceilingPerSecond } = this.#options;
    this.#admitted.update(own.admitted, now);
    const load = this.#watch.load(now);
    if (load === undefined) return floorPerSecond;
    this.#adaptCeiling(this.#strain(own, load), now);
    this.#arriving.update(load.arrivingPerSecond, now);
    const wanted = this.#share(own) * this.#all(load);
    const ceiling = Math.max(this.#ceiling, floorShare * load.interactivePerSecond * own.ofPartitions);
    return Math.max(floorPerSecond, Math.min(ceilingPerSecond, ceiling, wanted));
  }

  /** How hard bulk presses on what interactive requests need, as a use of CPU: above `maxUse` it is too much. */
  #strain({ loopUse, lagMs }: OwnShare, { cpuUse, interactivePerSecond }: BulkLoad): number {
    const { maxUse, maxLagMs } = this.#options;
    // The lag is known once a second, and takes a while to go.
    if (lagMs > maxLagMs) return 1;
    const use = interactivePerSecond > PRESENT_PER_SECOND ? Math.max(cpuUse, loopUse) : 0;
    return lagMs > maxLagMs / 2 ? Math.max(use, maxUse) : use;
  }

  /** For all classifiers together. */
  #all({ workers, backlog, donePerSecond }: BulkLoad): number {
    const { targetBacklogMs, correctionMs, minBacklog } = this.#options;
    const usual = Math.max((donePerSecond * targetBacklogMs) / 1_000, minBacklog * workers);
    const target = backlog < STARVING * usual ? STARVING_BOOST * usual : usual;
    return Math.max(0, donePerSecond + ((target - backlog) * 1_000) / correctionMs);
  }

  #share({ ofPartitions }: OwnShare): number {
    if (this.#arriving.value < MEASURABLE_PER_SECOND) return ofPartitions;
    const share = this.#admitted.perSecond / this.#arriving.value;
    return Math.max(MIN_OF_PARTITIONS * ofPartitions, Math.min(MAX_SHARE, share));
  }

  #adaptCeiling(use: number, now: number): void {
    if (now - this.#ceilingAt < CEILING_INTERVAL_MS) return;
    this.#ceilingAt = now;
    const { maxUse, floorPerSecond, ceilingPerSecond } = this.#options;
    const factor = use >= EXHAUSTED_USE ? EXHAUSTED_CUT : 1 + (use < maxUse ? CEILING_GAIN : CEILING_LOSS) * (maxUse - use);
    const reachable = Math.max(FIRST_CEILING_PER_SECOND, CEILING_HEADROOM * this.#admitted.perSecond);
    const next = factor > 1 ? Math.min(this.#ceiling * factor, reachable) : this.#ceiling * factor;
    this.#ceiling = Math.max(floorPerSecond, Math.min(ceilingPerSecond, next));
  }
}
