import { TandemError } from '@tandem/shared/errors';
import { seededRandom } from '@tandem/shared/random';
import { fetchDataset } from '../../services/cli/demo/fetch-dataset.ts';
import { readInteractions, type UserEvents } from '../../services/cli/demo/interactions.ts';
import { createReplayPlan, isHeldOut } from '../../services/cli/demo/replay-plan.ts';

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

const SYNTHETIC_USERS = 600;
const SYNTHETIC_LENGTH = 166;

/** Items by Zipf's law, without any taste. */
function syntheticUsers({ seed, catalogueSize }: StreamOptions): UserEvents[] {
  const random = seededRandom(seed, 'synthetic users');
  return Array.from({ length: SYNTHETIC_USERS }, (_, index) => ({
    userNumber: (index + 1) * 10,
    items: Int32Array.from({ length: SYNTHETIC_LENGTH }, () => Math.min(catalogueSize, Math.floor(catalogueSize ** random()))),
    times: new Int32Array(SYNTHETIC_LENGTH),
  }));
}

async function heldOutUsers(onNotice: (text: string) => void): Promise<UserEvents[] | undefined> {
  try {
    const { interactions } = await fetchDataset({ onNotice });
    return await readInteractions(interactions, isHeldOut);
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    onNotice(`${error.code}: ${error.message}\nGoing on with invented users: no HR@10.\n`);
    return undefined;
  }
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
