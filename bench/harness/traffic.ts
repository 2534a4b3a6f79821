import type { Random } from '@tandem/shared/clock';
import { seededRandom } from '@tandem/shared/random';
import type { PlannedEvent, PlannedUser } from '../../services/cli/demo/replay-plan.ts';

/** What is asked for, whoever answers. */
export interface TrafficRequest {
  userId: string;
  /** Oldest first, as JSON text: what models get to see, and nothing else. */
  history: string;
  /** What the user took next; undefined: the answer is not judged. */
  target: string | undefined;
  /** Index of the event, the same in every run of a seed; undefined where it is not judged. */
  event: number | undefined;
}

export interface TrafficOptions {
  users: readonly PlannedUser[];
  /** Of users interleaved in time. */
  events: readonly PlannedEvent[];
  /** Share of the requests that ask again what the user asked last: a page that is opened again. */
  repeatShare: number;
  seed: number;
  /** False: nothing is known of what these users liked, and nothing is judged. */
  judged: boolean;
  catalogueSize: number;
}

const WINDOW = 64;
const LONGEST = 128;
/** A page is opened again soon. */
const REPEATABLE = 64;

/**
 * How much of the history is sent: it grows to 128 and falls back to 64, as models are trained for. So every
 * contender computes on the same tensors, and what was computed for a prefix can be of use to whoever keeps it.
 */
export function windowLength(position: number): number {
  return position <= LONGEST ? position : WINDOW + ((position - WINDOW) % WINDOW);
}

/**
 * Requests of a replay, one after the other. When the events are used up, the users come again under other names and with
 * other items (unjudged), so that a cache sees them as new.
 */
export class Traffic {
  readonly #options: TrafficOptions;
  readonly #random: Random;
  readonly #events: readonly PlannedEvent[];
  readonly #texts = new Map<number, string[]>();
  readonly #recent: TrafficRequest[] = [];
  #next = 0;
  #generation = 0;

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed, 'repeats');
    // Nothing can be said of a user without a history.
    this.#events = options.events.filter(({ position }) => position > 0);
    if (this.#events.length === 0) throw new RangeError('there are no events to replay');
  }

  next(): TrafficRequest {
    const again = this.#random() < this.#options.repeatShare ? this.#recent[Math.floor(this.#random() * this.#recent.length)] : undefined;
    if (again !== undefined) return { ...again, target: undefined, event: undefined };
    const request = this.#fresh();
    if (this.#recent.length < REPEATABLE) this.#recent.push(request);
    else this.#recent[this.#next % REPEATABLE] = request;
    return request;
  }

  #fresh(): TrafficRequest {
    if (this.#next === this.#events.length) {
      this.#next = 0;
      this.#generation += 1;
      this.#texts.clear();
    }
    const { user, position } = this.#events[this.#next]!;
    const isJudged = this.#options.judged && this.#generation === 0;
    const texts = this.#textsOf(user);
    const request = {
      userId: `user-${this.#options.users[user]!.userNumber}${this.#generation === 0 ? '' : `-${this.#generation}`}`,
      history: `[${texts.slice(position - windowLength(position), position).join(',')}]`,
      target: isJudged ? String(this.#options.users[user]!.items[position]) : undefined,
      event: isJudged ? this.#next : undefined,
    };
    this.#next += 1;
    return request;
  }

  #textsOf(user: number): string[] {
    const known = this.#texts.get(user);
    if (known !== undefined) return known;
    const { catalogueSize } = this.#options;
    const shift = this.#generation * 97;
    const texts = Array.from(this.#options.users[user]!.items, (item) => `"${shift === 0 ? item : ((item - 1 + shift) % catalogueSize) + 1}"`);
    this.#texts.set(user, texts);
    return texts;
  }
}
