import { Trend } from './trend.ts';
import { SCALING_DEFAULTS, type LoadSample, type ScalingDecision, type ScalingRules } from './types.ts';

/** Misses of workers that are less busy than this come from something that more of them would not mend. */
const BUSY_ENOUGH = 0.3;

/** What one sample asks for. */
interface Wish {
  at: number;
  /** Workers, so that none is used more than is meant. */
  up: number;
  /** Workers that it would still be enough to keep. */
  down: number;
  missing: boolean;
}

/**
 * How many workers there should be: (arriving work + what works the backlog off in time) ÷ what a worker can do, as measured, over
 * all of them. Damped by time and by two levels, so that noise moves nothing: up when every sample of the last `upAfterMs` wants more,
 * down to the most that any sample of the last `downAfterMs` wants (as Kubernetes' autoscaler stabilises, Ray Serve's flaps without:
 * ray#18925, and looked at replicas one by one: ray#20977). Bounds: a step in the load that lasts is followed within `upAfterMs` and
 * two samples; the answer is never below `min` or above `max`.
 */
export class Autoscaler {
  readonly #rules: ScalingRules;
  readonly #trend: Trend;
  readonly #wishes: Wish[] = [];
  #workers: number;
  #sessionsEach = 1;
  #askedAt: number | undefined;
  #addedForMissesAt = -Infinity;

  /** @throws {RangeError} for rules that contradict each other */
  constructor(rules: Partial<ScalingRules> = {}) {
    this.#rules = { ...SCALING_DEFAULTS, ...rules };
    const { min, max, lowerUse, targetUse } = this.#rules;
    if (min > max) throw new RangeError(`min is ${min}, and max ${max}`);
    if (!(lowerUse > 0 && lowerUse < targetUse && targetUse <= 1)) throw new RangeError(`lowerUse ${lowerUse} must lie above 0 and below targetUse ${targetUse}, and that not above 1`);
    this.#workers = Math.max(min, Math.min(max, 1));
    this.#trend = new Trend(this.#rules.trendMs);
  }

  /** As it was last decided. */
  get workers(): number {
    return this.#workers;
  }

  /** As many as there are: whoever has just begun to look knows no reason for others. */
  adopt(workers: number): void {
    const { min, max } = this.#rules;
    this.#workers = Math.max(min, Math.min(max, workers));
  }

  /** @param startMs what a worker takes from the decision until it serves: by then the load may have grown */
  update(sample: LoadSample, startMs = 0): ScalingDecision {
    if (sample.workers > 0) this.#sessionsEach = sample.sessions / sample.workers;
    // One that is still starting has not said yet what waits for it.
    const isStarting = this.#workers > 0 && sample.workers === 0;
    if (sample.asked > 0 || sample.bulk > 0 || sample.backlogMs > 0 || isStarting) this.#askedAt = sample.at;
    this.#askedAt ??= sample.at;
    this.#remember(sample, startMs);
    const { workers, reason } = this.#decide(sample);
    const { min, max } = this.#rules;
    this.#workers = Math.max(min, Math.min(max, workers));
    return { workers: this.#workers, reason };
  }

  #remember(sample: LoadSample, startMs: number): void {
    const { targetUse, lowerUse, drainWithinMs, downAfterMs, upAfterMs, toleratedMisses } = this.#rules;
    const load = offered(sample);
    this.#trend.add(sample.at, load);
    const soon = this.#trend.risesTo(startMs) ?? load;
    const sessions = Math.max(load, soon) + sample.backlogMs / drainWithinMs;
    const use = sessions / Math.max(1, sample.sessions);
    this.#wishes.push({
      at: sample.at,
      up: Math.ceil(sessions / targetUse / this.#sessionsEach),
      down: Math.ceil(sessions / lowerUse / this.#sessionsEach),
      missing: sample.asked > 0 && sample.missed > toleratedMisses * sample.asked && use >= BUSY_ENOUGH,
    });
    const oldest = sample.at - Math.max(downAfterMs, upAfterMs);
    // The last one from before it stays: it tells what was wanted when the time began.
    while (this.#wishes.length > 1 && this.#wishes[1]!.at <= oldest) this.#wishes.shift();
  }

  #decide(sample: LoadSample): ScalingDecision {
    const { min, idleAfterMs } = this.#rules;
    const workers = this.#workers;
    if (workers === 0) return sample.asked + sample.bulk > 0 ? { workers: 1, reason: 'asleep, and asked' } : { workers, reason: 'nothing is asked' };
    const up = this.#wantedThroughout(sample.at);
    if (up > workers) return { workers: up, reason: `${describe(sample)}: more than ${workers} should do` };
    if (this.#missesThroughout(sample)) {
      this.#addedForMissesAt = sample.at;
      return { workers: workers + 1, reason: `${describe(sample)}: steps are late or refused` };
    }
    if (min === 0 && sample.at - (this.#askedAt ?? sample.at) >= idleAfterMs) return { workers: 0, reason: `nothing was asked for ${idleAfterMs / 1_000} s` };
    const down = this.#wantedAtAll(sample.at);
    if (down < workers) return { workers: Math.max(1, down), reason: `${describe(sample)}: fewer do` };
    return { workers, reason: describe(sample) };
  }

  /** The least that every sample of the recent past wants. */
  #wantedThroughout(now: number): number {
    const recent = this.#since(now - this.#rules.upAfterMs);
    return recent === undefined ? 0 : Math.min(...recent.map(({ up }) => up));
  }

  /** The most that any sample of a longer past wants; as many as there are while there is no such past, or steps were missed. */
  #wantedAtAll(now: number): number {
    const past = this.#since(now - this.#rules.downAfterMs);
    if (past === undefined || past.some(({ missing }) => missing)) return this.#workers;
    return Math.max(...past.map(({ down }) => down));
  }

  /** One more at a time, and only when the last one has had time to help. */
  #missesThroughout({ at, workers }: LoadSample): boolean {
    const { upAfterMs } = this.#rules;
    if (workers < this.#workers || at - this.#addedForMissesAt < 3 * upAfterMs) return false;
    return this.#since(at - upAfterMs)?.every(({ missing }) => missing) ?? false;
  }

  /** Undefined: that far back nothing is known. */
  #since(from: number): readonly Wish[] | undefined {
    const begin = this.#wishes.findLastIndex(({ at }) => at <= from);
    return begin < 0 ? undefined : this.#wishes.slice(begin);
  }
}

/** Sessions that what comes in keeps busy. What was refused never arrived anywhere: it is taken to be like the rest. */
function offered({ arrivedMs, durationMs, asked, refused }: LoadSample): number {
  const refusedShare = asked === 0 ? 0 : Math.min(0.9, refused / asked);
  return arrivedMs / durationMs / (1 - refusedShare);
}

function describe(sample: LoadSample): string {
  const { sessions, backlogMs, asked, missed } = sample;
  return `load ${offered(sample).toFixed(2)} of ${sessions} sessions, backlog ${(backlogMs / 1_000).toFixed(2)} s of them, ${missed} of ${asked} steps missed`;
}
