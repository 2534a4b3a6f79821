import type { TaskKind } from '@tandem/schemas';
import type { Random } from '@tandem/shared/clock';
import { TandemError } from '@tandem/shared/errors';
import type { UserEvents } from './interactions.ts';
import { exponential, lognormal, seededRandom, shuffled } from '@tandem/shared/random';

export interface PlannedUser extends UserEvents {
  /** How many of the user's first interactions are sent before the replay begins; the others are replayed. */
  preloaded: number;
}

/** A request for what the user does next, and then that interaction. */
export interface PlannedEvent {
  /** Index into the plan's users. */
  user: number;
  /** Index of the interaction to predict among the user's. So many interactions were sent before it. */
  position: number;
  /** Sent as a hint: the kind of answer drawn by lot. Undefined: no hint, Tandem decides. */
  task: TaskKind | undefined;
  /** When, counted in mean gaps between two requests: divide by the rate for seconds. */
  at: number;
}

export interface ReplayPlan {
  seed: number;
  users: readonly PlannedUser[];
  /** In the order of sending. */
  events: readonly PlannedEvent[];
}

export interface PlanOptions {
  /** How many events are replayed in all. */
  events: number;
  seed: number;
}

/** The released models never saw these users (models/README.md states the same rule). */
export function isHeldOut(userNumber: number): boolean {
  return userNumber % 10 === 0;
}

/** Each kind's share of all requests is drawn by lot; the rest goes without a hint. */
export const DRAWN_SHARE: Readonly<Record<TaskKind, number>> = { coarse: 0.2, fine: 0.2, full: 0.2 };

/** A short replay takes fewer users rather than one event of each. */
const LEAST_EVENTS_PER_USER = 5;
/** A user's events spread over about this share of the replay. */
const SESSION_SHARE = 0.25;
const PACE_SPREAD = 0.5;

function participants(heldOut: readonly UserEvents[], events: number, random: Random): UserEvents[] {
  const wanted = Math.ceil(events / LEAST_EVENTS_PER_USER);
  const chosen: UserEvents[] = [];
  let available = 0;
  for (const user of shuffled(random, heldOut)) {
    if (chosen.length >= wanted && available >= events) break;
    chosen.push(user);
    available += user.items.length;
  }
  if (available < events) {
    throw new TandemError(`--events ${events}: the held-out users have only ${available} events; ask for at most ${available}`, { code: 'usage' });
  }
  return chosen;
}

/** Smallest K such that the last K events of each user come to `events` or more. */
function eventsPerUser(users: readonly UserEvents[], events: number): number {
  let each = 0;
  while (users.reduce((sum, { items }) => sum + Math.min(each, items.length), 0) < events) each += 1;
  return each;
}

/** The last K events of each user are replayed; as many users as needed give one less, so that the sum is exact. */
function splitHistories(users: readonly UserEvents[], events: number): PlannedUser[] {
  const each = eventsPerUser(users, events);
  let surplus = users.reduce((sum, { items }) => sum + Math.min(each, items.length), -events);
  return users.map((user) => {
    const replayed = Math.min(each, user.items.length);
    const oneLess = surplus > 0 && replayed === each ? 1 : 0;
    surplus -= oneLess;
    return { ...user, preloaded: user.items.length - replayed + oneLess };
  });
}

/** Every user begins at some moment and thinks for a while between two events; the result is in the order of time. */
function interleave(users: readonly PlannedUser[], random: Random): Pick<PlannedEvent, 'user' | 'position'>[] {
  const visits = users.flatMap(({ items, preloaded }, user) => {
    const count = items.length - preloaded;
    const meanGap = (SESSION_SHARE * lognormal(random, PACE_SPREAD)) / Math.max(1, count);
    let time = random() * (1 - SESSION_SHARE);
    return Array.from({ length: count }, (_, index) => {
      time += meanGap * exponential(random);
      return { user, position: preloaded + index, time };
    });
  });
  return visits.sort((left, right) => left.time - right.time || left.user - right.user || left.position - right.position);
}

/** A Poisson process, scaled so that exactly its mean rate comes out. */
function arrivalTimes(count: number, random: Random): number[] {
  let time = 0;
  const times = Array.from({ length: count }, () => (time += exponential(random)));
  return times.map((at) => (at * count) / time);
}

function drawTask(random: Random): TaskKind | undefined {
  let draw = random();
  for (const [task, share] of Object.entries(DRAWN_SHARE) as [TaskKind, number][]) {
    if (draw < share) return task;
    draw -= share;
  }
  return undefined;
}

/**
 * Which interactions are known beforehand, which are replayed, in which order, when, and with which hints.
 * A pure function of the data and the seed. docs/replay.md describes the protocol.
 * @throws {TandemError} `usage` where the held-out users have fewer events
 */
export function createReplayPlan(data: readonly UserEvents[], { events, seed }: PlanOptions): ReplayPlan {
  const heldOut = data.filter(({ userNumber }) => isHeldOut(userNumber));
  const chosen = participants(heldOut, events, seededRandom(seed, 'participants'));
  const users = splitHistories(chosen, events);
  const order = interleave(users, seededRandom(seed, 'interleaving'));
  const times = arrivalTimes(order.length, seededRandom(seed, 'arrivals'));
  const lots = seededRandom(seed, 'lots');
  return {
    seed,
    users,
    events: order.map(({ user, position }, index) => ({ user, position, task: drawTask(lots), at: times[index]! })),
  };
}
