/** Of the session timeout: what is sent within it is with the broker before anybody else can have begun. */
const SAFE_SHARE = 0.8;
/** So long after its last sign of life a process that joins anew may have missed the group's answer. */
const AWAKE_MS = 1_000;

/** Two clocks: the monotonic one stands still while the machine is suspended, the other can be set. ms */
interface Moment {
  monotonic: number;
  wall: number;
}

/**
 * For how long a member can rely on the group not having given its partitions to others. The coordinator gives up a member
 * that it has not heard of for the session timeout, so what counts is when a request that it answered was *sent*: an
 * answer that waited in a suspended process's socket says nothing about now.
 */
export class MembershipLease {
  readonly #safeMs: number;
  readonly #awakeMs: number;
  #until: Moment = { monotonic: -Infinity, wall: -Infinity };
  #awakeUntil = Infinity;
  #watch: NodeJS.Timeout | undefined;

  constructor(sessionTimeoutMs: number) {
    this.#safeMs = sessionTimeoutMs * SAFE_SHARE;
    this.#awakeMs = Math.min(AWAKE_MS, sessionTimeoutMs / 10);
  }

  get holds(): boolean {
    const now = performance.now();
    return now < this.#until.monotonic && now < this.#awakeUntil && Date.now() < this.#until.wall;
  }

  /** The coordinator has answered that we are a member, to what was sent then. */
  confirmed({ monotonic, wall }: Moment): void {
    this.#stopWatching();
    this.#until = { monotonic: monotonic + this.#safeMs, wall: wall + this.#safeMs };
  }

  /**
   * We join anew. Until all others have done so too, which we hear of as soon as they do, nobody is given anything: so what
   * is ours stays ours, unless this process falls asleep and does not hear it.
   */
  rejoining(): void {
    if (this.#watch !== undefined) return;
    const stayAwake = (): void => void (this.#awakeUntil = performance.now() + this.#awakeMs);
    stayAwake();
    this.#watch = setInterval(() => performance.now() < this.#awakeUntil && stayAwake(), this.#awakeMs / 4);
    this.#watch.unref();
  }

  /** Whether anything is ours is open, until it is confirmed. */
  lapse(): void {
    this.#stopWatching();
    this.#until = { monotonic: -Infinity, wall: -Infinity };
  }

  #stopWatching(): void {
    clearInterval(this.#watch);
    this.#watch = undefined;
    this.#awakeUntil = Infinity;
  }
}
