import { createReplayPlan } from '../../services/cli/demo/replay-plan.ts';
import { heldOutUsers, syntheticUsers } from '../harness/replay-users.ts';

/** One fine request: what the user did so far, and what he did next. */
export interface StreamRequest {
  user: number;
  /** Oldest first. */
  history: readonly number[];
  target: number;
}

export interface Streams {
  description: string;
  /** Held-out users of real data: their next items are worth predicting. */
  judged: boolean;
  users: number;
  requests: readonly StreamRequest[];
}

export interface StreamOptions {
  events: number;
  seed: number;
  /** Every so many-th event asks; the others only lengthen their user's history. */
  askEvery: number;
  catalogueSize: number;
  synthetic: boolean;
}

/** The interleaved streams of the demo's replay (docs/replay.md); invented users where the data cannot be had. */
export async function loadStreams(options: StreamOptions, onNotice: (text: string) => void): Promise<Streams> {
  const real = options.synthetic ? undefined : await heldOutUsers(onNotice);
  const { users, events } = createReplayPlan(real ?? syntheticUsers(options), { events: options.events, seed: options.seed });
  const asking = events.filter((_, index) => index % options.askEvery === 0);
  const requests = asking.map(({ user, position }) => {
    const { items } = users[user]!;
    return { user, history: [...items.subarray(0, position)], target: items[position]! };
  });
  return {
    description: real === undefined ? 'invented users' : 'MovieLens-1M, users whom no model has seen',
    judged: real !== undefined, users: users.length, requests,
  };
}
