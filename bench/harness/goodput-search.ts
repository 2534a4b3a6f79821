/** What a run at one rate says. */
export interface ProbeFigures {
  /** Answers in time, per second. */
  goodputPerSecond: number;
  /** Of all that were offered. */
  inTimeShare: number;
}

export interface SearchOptions {
  /** The first rate, requests per second. */
  startRate: number;
  /** A rate is sustained where at least this share is answered in time. @default 0.95 */
  share?: number;
  /** Between two rates of the coarse part. @default 1.5 */
  factor?: number;
  /** Halvings of the bracket (on a logarithmic scale) that the coarse part found. @default 2 */
  refinements?: number;
  /** Of all. @default 10 */
  maxProbes?: number;
  /** A rate that fails narrowly counts as failed once it has failed so often: a stall by chance is a large part of a short run. @default 1 */
  tries?: number;
}

export interface SearchResult<Probe extends ProbeFigures> {
  /** In the order they were run. */
  probes: { rate: number; figures: Probe }[];
  /** The most answers in time per second at a rate that was sustained; 0 where none was. */
  goodputPerSecond: number;
  /** The most answers in time per second at any rate. */
  peakPerSecond: number;
}

const DEFAULTS = { share: 0.95, factor: 1.5, refinements: 2, maxProbes: 10, tries: 1 };

/** A rate that failed is followed by one that is this much lower at most. */
const FASTEST_FALL = 4;

/** The highest rate that was sustained and the lowest that was not. */
class Bracket {
  sustained: number | undefined;
  failed: number | undefined;

  note(rate: number, isSustained: boolean): void {
    if (isSustained) this.sustained = Math.max(this.sustained ?? 0, rate);
    else this.failed = Math.min(this.failed ?? Infinity, rate);
  }

  /**
   * Coarse until both ends are known, then the middle of the bracket.
   * @param goodput of the last probe: whoever refuses what is too much still shows what it is capable of
   */
  next(factor: number, goodput: number): number {
    if (this.failed === undefined) return this.sustained! * factor;
    if (this.sustained === undefined) return Math.min(this.failed / factor, Math.max(goodput, this.failed / FASTEST_FALL));
    return Math.sqrt(this.sustained * this.failed);
  }

  get closed(): boolean {
    return this.sustained !== undefined && this.failed !== undefined;
  }
}

/**
 * The maximal goodput: rates rise (or fall) by a factor until one is sustained and the next is not, then the bracket is
 * halved. A rate above one that failed is not tried again; full runs repeat the search instead.
 */
export async function searchGoodput<Probe extends ProbeFigures>(probe: (rate: number) => Promise<Probe>, options: SearchOptions): Promise<SearchResult<Probe>> {
  const { share, factor, refinements, maxProbes, tries } = { ...DEFAULTS, ...options };
  const probes: SearchResult<Probe>['probes'] = [];
  const bracket = new Bracket();
  let rate = options.startRate;
  let left = refinements;
  while (probes.length < maxProbes && left >= 0) {
    let figures = await probe(rate);
    probes.push({ rate, figures });
    for (let tried = 1; tried < tries && figures.inTimeShare < share && probes.length < maxProbes && figures.inTimeShare >= share / 2; tried += 1) {
      figures = await probe(rate);
      probes.push({ rate, figures });
    }
    bracket.note(rate, figures.inTimeShare >= share);
    if (bracket.closed) left -= 1;
    rate = bracket.next(factor, figures.goodputPerSecond);
  }
  const most = (chosen: typeof probes) => chosen.reduce((best, { figures }) => Math.max(best, figures.goodputPerSecond), 0);
  return { probes, goodputPerSecond: most(probes.filter(({ figures }) => figures.inTimeShare >= share)), peakPerSecond: most(probes) };
}
