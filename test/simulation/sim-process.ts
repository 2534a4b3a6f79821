import type { Clock } from '@tandem/shared/clock';
import type { World } from './world.ts';

/** A consumer, as far as death and sleep concern it. */
export interface Membership {
  /** As its process dies: nothing is committed. */
  drop(): void;
  /** The group gives it up; it joins again when it comes to. */
  evict(rejoinAfterMs: number): void;
}

/** The group waits so long for a sign of life. */
const SESSION_TIMEOUT_MS = 10_000;
/** For so long after its last sign of life a member relies on what it has: as `MembershipLease`. */
const LEASE_MS = 8_000;
/** A sign of life and its answer, at most. */
const LONGEST_ROUND_TRIP_MS = 500;

/** What one operating system process is to its stage: everything that reaches it passes here, so it can die or sleep. */
export class SimProcess {
  readonly clock: Clock;
  readonly world: World;
  readonly #memberships: Membership[] = [];
  #alive = true;
  #asleep = false;
  /** When the group last said that this is a member; undefined: just now. */
  #confirmedAt: number | undefined;
  #evicted = false;
  #inbox: (() => void)[] = [];

  /** @param aheadMs of the log's clock is what the process takes for it */
  constructor(world: World, aheadMs = 0) {
    this.world = world;
    this.clock = { now: () => world.clock.now() + aheadMs, schedule: (at, callback) => world.clock.schedule(at - aheadMs, this.gate(callback)) };
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** As far as the process can know, nobody else has been given what is its own. */
  get isCertain(): boolean {
    return this.#confirmedAt === undefined || this.world.clock.now() < this.#confirmedAt + LEASE_MS;
  }

  /** The group has given it up, whether it knows that or not. */
  get isEvicted(): boolean {
    return this.#evicted;
  }

  joined(membership: Membership): void {
    this.#memberships.push(membership);
  }

  /** It hears that it is a member (again). */
  confirmed(): void {
    this.#evicted = false;
    this.#confirmedAt = undefined;
  }

  /** A callback that the dead never hear, and sleepers when they wake, in order. */
  gate<Parameters extends unknown[]>(callback: (...parameters: Parameters) => void): (...parameters: Parameters) => void {
    return (...parameters) => {
      if (!this.#alive) return;
      if (this.#asleep) this.#inbox.push(() => callback(...parameters));
      else callback(...parameters);
    };
  }

  /** Resolves after a time drawn by lot; never for the dead. */
  delay(lowMs: number, highMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.world.later(this.world.between(lowMs, highMs), this.gate(resolve));
    });
  }

  kill(): void {
    this.#alive = false;
    for (const membership of this.#memberships) membership.drop();
  }

  /** Another has come under its name, and told the group that this one has left; it hears of that when it wakes. */
  replaced(rejoinAfterMs: number): void {
    this.#evict(rejoinAfterMs);
  }

  /** One that sleeps already is left alone: it is heard of as long ago as it is. */
  sleep(durationMs: number): void {
    if (this.#asleep) return;
    this.#asleep = true;
    this.#confirmedAt ??= this.world.clock.now();
    if (durationMs > SESSION_TIMEOUT_MS) {
      this.world.later(SESSION_TIMEOUT_MS, () => this.#evict(durationMs - SESSION_TIMEOUT_MS));
    }
    this.world.later(durationMs, () => this.#wake());
  }

  #evict(rejoinAfterMs: number): void {
    if (!this.#alive || this.#evicted) return;
    this.#evicted = true;
    for (const membership of this.#memberships) membership.evict(rejoinAfterMs);
  }

  /** First what it was about to do when it fell asleep, then the news, one by one. */
  #wake(): void {
    const callback = this.#inbox.shift();
    if (callback === undefined) {
      this.#asleep = false;
      this.world.later(this.world.between(0, LONGEST_ROUND_TRIP_MS), this.gate(() => {
        if (!this.#evicted) this.confirmed();
      }));
      return;
    }
    if (this.#alive) callback();
    this.world.defer(() => this.#wake());
  }
}
