import type { UserEvents } from '../../services/cli/demo/interactions.ts';
import { createReplayPlan } from '../../services/cli/demo/replay-plan.ts';
import { heldOutUsers, syntheticUsers } from './replay-users.ts';
import { Traffic, type TrafficOptions } from './traffic.ts';

export interface ReplayOptions {
  seed: number;
  /** Share of the requests that repeat a recent one. */
  repeatShare: number;
  /** Items of the models' catalogue. */
  catalogueSize: number;
  /** Invented users instead of MovieLens': no accuracy is measured. */
  synthetic: boolean;
}

/** Two halves of the users, so that what is judged is the same whatever a search for the right rate has used up. */
export interface Replay {
  description: string;
  judged: boolean;
  /** Fresh from the first event on: one for each contender. */
  judgedTraffic(): Traffic;
  loadTraffic(): Traffic;
}

/** Held-out users of MovieLens have 99,881 events; of each half about 50,000. */
const EVENTS_PER_HALF = 40_000;

function trafficOf(users: readonly UserEvents[], judged: boolean, { seed, repeatShare, catalogueSize }: ReplayOptions): TrafficOptions {
  const available = users.reduce((sum, { items }) => sum + items.length, 0);
  const plan = createReplayPlan(users, { events: Math.min(EVENTS_PER_HALF, available), seed });
  return { users: plan.users, events: plan.events, repeatShare, seed, judged, catalogueSize };
}

/** MovieLens' held-out users, interleaved in time as `tandem demo` does; invented ones where the data cannot be had. */
export async function loadReplay(options: ReplayOptions, onNotice: (text: string) => void): Promise<Replay> {
  const real = options.synthetic ? undefined : await heldOutUsers(onNotice);
  const users = real ?? syntheticUsers(options);
  const judged = trafficOf(users.filter((_, index) => index % 2 === 0), real !== undefined, options);
  const load = trafficOf(users.filter((_, index) => index % 2 === 1), false, options);
  return {
    description: real === undefined ? 'invented users' : 'MovieLens-1M, users whom no model has seen, interleaved in time',
    judged: real !== undefined,
    judgedTraffic: () => new Traffic(judged),
    loadTraffic: () => new Traffic(load),
  };
}
