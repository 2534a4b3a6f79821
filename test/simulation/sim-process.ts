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

/** What one operating system process is to its stage: everything that reaches it passes here, so it can die or sleep. */
export class SimProcess {
  readonly clock: Clock;
  readonly world: World;
  readonly #memberships: Membership[] = [];
  #alive = true;
  #asleep = false;
  #inbox: (() => void)[] = [];

  constructor(world: World) {
    this.world = world;
    this.clock = { now: () => world.clock.now(), schedule: (at, callback) => world.clock.schedule(at, this.gate(callback)) };
  }

  get alive(): boolean {
    return this.#alive;
  }

  joined(membership: Membership): void {
    this.#memberships.push(membership);
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

  sleep(durationMs: number): void {
    this.#asleep = true;
    if (durationMs > SESSION_TIMEOUT_MS) {
      this.world.later(SESSION_TIMEOUT_MS, () => this.#evict(durationMs - SESSION_TIMEOUT_MS));
    }
    this.world.later(durationMs, () => this.#wake());
  }

  #evict(rejoinAfterMs: number): void {
    if (!this.#alive) return;
    for (const membership of this.#memberships) membership.evict(rejoinAfterMs);
  }

  /** First what it was about to do when it fell asleep, then the news, one by one. */
  #wake(): void {
    const callback = this.#inbox.shift();
    if (callback === undefined) {
      this.#asleep = false;
      return;
    }
    if (this.#alive) callback();
    this.world.defer(() => this.#wake());
  }
}
