import { TandemError } from '@tandem/shared/errors';
import { fetchDataset } from '../../services/cli/demo/fetch-dataset.ts';
import { readInteractions, type UserEvents } from '../../services/cli/demo/interactions.ts';
import { createReplayPlan, isHeldOut } from '../../services/cli/demo/replay-plan.ts';
import { seededRandom } from '@tandem/shared/random';
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
const SYNTHETIC_USERS = 600;
const SYNTHETIC_LENGTH = 166;

/** Items by Zipf's law, without any taste. */
function syntheticUsers({ seed, catalogueSize }: ReplayOptions): UserEvents[] {
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
    onNotice(`${error.code}: ${error.message}\nGoing on with invented users: no HR@10 and NDCG@10. (--synthetic asks for them without this message.)\n`);
    return undefined;
  }
}

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
