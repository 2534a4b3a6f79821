import type { Lane } from '@tandem/schemas';
import { PassingMap } from '../../collections/index.ts';
import { sameKey, type ContentKey } from './content-key.ts';

/** How urgent a piece of work is; nobody waits for the result of a less urgent one. */
export interface Urgency {
  lane: Lane;
  tier: string;
  /** Epoch ms; null: none. */
  deadlineAt: number | null;
}

/** One computation, and who waits for its result. */
export interface Flight<Follower> {
  readonly key: ContentKey;
  readonly urgency: Urgency;
  readonly followers: Set<Follower>;
}

/** Computations under way by what they compute, so that identical ones are made once. */
export class Flights<Follower> {
  readonly #flights = new PassingMap<number, Flight<Follower>>();

  get size(): number {
    return this.#flights.size;
  }

  /** One that will be done no later than one of this urgency would be; undefined: there is none. */
  find(key: ContentKey, urgency: Urgency): Flight<Follower> | undefined {
    const flight = this.#flights.get(key.hash);
    return flight !== undefined && sameKey(flight.key, key) && isAsUrgent(flight.urgency, urgency) ? flight : undefined;
  }

  /** From now on this one is found; who follows an earlier one goes on waiting for that. */
  begin(key: ContentKey, urgency: Urgency): Flight<Follower> {
    const flight = { key, urgency, followers: new Set<Follower>() };
    this.#flights.set(key.hash, flight);
    return flight;
  }

  /** Returns who waited for it. */
  end(flight: Flight<Follower>): Follower[] {
    if (this.#flights.get(flight.key.hash) === flight) this.#flights.delete(flight.key.hash);
    const followers = [...flight.followers];
    flight.followers.clear();
    return followers;
  }
}

/** Behind a leader with a later deadline, or in the bulk lane, or of another tier, a request would lose its own place. */
function isAsUrgent(leader: Urgency, follower: Urgency): boolean {
  if (leader.lane === 'bulk' && follower.lane === 'interactive') return false;
  return leader.tier === follower.tier && (leader.deadlineAt ?? Infinity) <= (follower.deadlineAt ?? Infinity);
}
