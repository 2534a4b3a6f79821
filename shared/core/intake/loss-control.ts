/** How often the share that is refused is reconsidered, at most. */
const WINDOW_MS = 20;
/** Of what is let in so much may be lost: pauses of processes and machines lose some that no refusal would save. */
const TOLERATED = 0.1;
/**
 * Only once more than that has been lost in so many periods in a row: what a pause of the machine loses comes at once, and after it nothing is
 * lost.
 */
const PERIODS = 5;
/** Results tell of what was let in up to a deadline ago. */
const PERIOD_DEADLINES = 2;
const LEAST_PERIOD_MS = 100;
/** Without a request. */
const PAUSE_PERIODS = 2;
/** Fewer results in a period say nothing: as if there had been so many. */
const FEWEST = 20;
/** So many are refused for each that is lost beyond what is tolerated: at once, and more with each deadline that this lasts … */
const PROPORTIONAL = 1;
const INTEGRAL = 0.2;
/** … which is forgotten within so many deadlines, and no faster than in a second: 5 for each in the end. */
const MEMORY_DEADLINES = 20;
const LEAST_MEMORY_MS = 1_000;
/** A period in which little is lost leaves so much of it: whoever is refused after an overload is refused for nothing. */
const AFTER_GOOD = 0.6;
const NEGLIGIBLE = 0.01;
/** Some are let in whatever happens: else nothing would show that there is room again. */
const MOST_REFUSED = 0.95;
/** Of the mean over windows. */
const SMOOTHING = 0.25;
/** The rate at which requests arrive is counted over so long, and is a mean over some such spans. */
const SPAN_MS = 50;
const SPAN_SMOOTHING = 0.3;
/** What share is too much was found at the rate of the last moments. */
const PEAK_MS = 2_000;

export interface Asked {
  /** Epoch ms, in about the order in which requests are asked for; when they are read says how fast they are worked off, and not how many come. */
  arrivedAt: number;
  /** From the request's arrival until its deadline, ms. */
  deadlineMs: number;
  /** Who weighs less is refused first. */
  weight: number;
}

/** Those of one weight. */
interface Class {
  /** In this window. */
  asked: number;
  /** Mean over windows. */
  usual: number;
  /** Of them are refused. */
  share: number;
  /** Spreads refusals evenly: one is due whenever it reaches 1. */
  due: number;
}

/**
 * Refuses some requests at the entry for as long as too many of those that were let in are lost, that is, too late in spite of what was
 * expected. Expectations know the models' queues; where the stages themselves are what is short, each request waits a little everywhere, nearly
 * all are lost at the end of their way, and nearly all that was done for them was done in vain. Who is refused at once costs little.
 *
 * A proportional-integral controller of the share that is refused, whose integral leaks: without the leak losses that have another cause, and that no refusal
 * mends, would end with nearly everybody refused. Pure: time comes in.
 */
export class LossControl {
  readonly #classes = new Map<number, Class>();
  #at = -Infinity;
  /** Of late, older ones less. */
  #came = 0;
  #lost = 0;
  readonly #period = { since: -Infinity, came: 0, lost: 0 };
  /** Periods in a row in which too many were lost. */
  #bad = 0;
  #deadlineMs = 0;
  #integral = 0;
  /** To be refused at the rate at which it was found out. */
  #found = 0;
  readonly #arrivals = { since: -Infinity, count: 0, perMs: 0, peakPerMs: 0 };
  #share = 0;

  /** Of all requests are refused at present, 0..1. */
  get share(): number {
    return this.#share;
  }

  /** Whether this request is refused. @param now epoch ms */
  refuses({ arrivedAt, deadlineMs, weight }: Asked, now: number): boolean {
    const own = this.#classOf(weight);
    own.asked += 1;
    this.#arrived(arrivedAt);
    this.#deadlineMs = this.#deadlineMs === 0 ? deadlineMs : this.#deadlineMs + SMOOTHING * (deadlineMs - this.#deadlineMs);
    if (now - this.#at >= WINDOW_MS) this.#reconsider(now);
    own.due += own.share;
    if (own.due < 1) return false;
    own.due -= 1;
    return true;
  }

  /** One that was let in has its result, or will have none in time. */
  ended(isLost: boolean): void {
    this.#came += 1;
    this.#period.came += 1;
    if (!isLost) return;
    this.#lost += 1;
    this.#period.lost += 1;
  }

  get #periodMs(): number {
    return Math.max(LEAST_PERIOD_MS, PERIOD_DEADLINES * this.#deadlineMs);
  }

  #classOf(weight: number): Class {
    let found = this.#classes.get(weight);
    if (found === undefined) this.#classes.set(weight, found = { asked: 0, usual: 0, share: 0, due: 0 });
    return found;
  }

  #reconsider(now: number): void {
    const sinceMs = now - this.#at;
    this.#at = now;
    for (const each of this.#classes.values()) {
      each.usual += SMOOTHING * (each.asked - each.usual);
      each.asked = 0;
    }
    this.#countPeriods(now);
    this.#found = this.#foundAfter(sinceMs);
    // So many had room. Where fewer come than that, nobody is refused for what came before.
    const { perMs, peakPerMs } = this.#arrivals;
    this.#share = perMs === 0 ? 0 : Math.max(0, 1 - (peakPerMs * (1 - this.#found)) / perMs);
    this.#spread();
  }

  #arrived(at: number): void {
    const arrivals = this.#arrivals;
    arrivals.count += 1;
    const sinceMs = at - arrivals.since;
    if (sinceMs < SPAN_MS) return;
    arrivals.perMs += SPAN_SMOOTHING * (arrivals.count / sinceMs - arrivals.perMs);
    arrivals.peakPerMs = Math.max(arrivals.perMs, arrivals.peakPerMs * Math.exp(-sinceMs / PEAK_MS));
    arrivals.since = at;
    arrivals.count = 0;
  }

  #countPeriods(now: number): void {
    const { since, came, lost } = this.#period;
    const periods = (now - since) / this.#periodMs;
    if (periods < 1) return;
    const isBad = lost > TOLERATED * came;
    this.#bad = isBad ? this.#bad + 1 : 0;
    if (!isBad) this.#integral *= AFTER_GOOD ** periods;
    // After a pause between requests nothing waits any more, and the last ones say nothing.
    if (periods >= PAUSE_PERIODS) this.#integral = this.#bad = this.#came = this.#lost = 0;
    Object.assign(this.#period, { since: now, came: 0, lost: 0 });
  }

  #foundAfter(sinceMs: number): number {
    const kept = Math.exp(-sinceMs / this.#periodMs);
    this.#came *= kept;
    this.#lost *= kept;
    const excess = Math.max(0, this.#lost / Math.max(FEWEST, this.#came) - TOLERATED);
    if (this.#found === 0 && this.#bad < PERIODS) return 0;
    const remembered = this.#integral * Math.exp(-sinceMs / Math.max(LEAST_MEMORY_MS, MEMORY_DEADLINES * this.#deadlineMs));
    this.#integral = Math.min(MOST_REFUSED, remembered + (INTEGRAL * excess * Math.min(sinceMs, this.#periodMs)) / this.#deadlineMs);
    const share = Math.min(MOST_REFUSED, this.#integral + PROPORTIONAL * excess);
    if (share >= NEGLIGIBLE) return share;
    // Over: the next time it has to last again.
    this.#integral = this.#bad = 0;
    return 0;
  }

  /** So much of all, and of the light ones first. */
  #spread(): void {
    const classes = [...this.#classes].sort(([one], [other]) => one - other).map(([, each]) => each);
    let left = this.#share * classes.reduce((sum, { usual }) => sum + usual, 0);
    for (const each of classes) {
      const refused = Math.min(left, MOST_REFUSED * each.usual);
      each.share = each.usual === 0 ? 0 : refused / each.usual;
      left -= refused;
    }
  }
}
