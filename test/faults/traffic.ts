import type { Random } from '@tandem/shared/clock';
import type { SentRequest } from './check-types.ts';
import { between, pick, seededRandom } from '@tandem/shared/random';

const ITEMS = 3_800;
const PIXELS = 64;
const DEADLINES_MS = { recommend: 30_000, ordered: 30_000, digits: 30_000, patient: null } as const;

export type TrafficTopic = 'requests' | 'requests.bulk';

export interface Message {
  topic: TrafficTopic;
  key: string;
  value: string;
  /** What the checker has to know of it. */
  sent: SentRequest;
  /** Its sender sends it a second time, so much later: it is still one request. */
  repeatAfterMs?: number;
}

export interface Traffic {
  /** The n-th request; each is made once, in turn. */
  next(): Message;
  /** What users did before, for requests that bring no history along. */
  readonly interactions: readonly { key: string; value: string }[];
}

export interface TrafficOptions {
  seed: number;
  /** Different users; affinity keys. @default 500 */
  users?: number;
  /** Of one run: requests of two runs never share an id. */
  run: string;
  /** Some ask for provisional answers: not where processes run that know of none. @default true */
  provisional?: boolean;
}

type Workload = keyof typeof DEADLINES_MS;

/** Shares of the traffic. */
const MIX: readonly (readonly [share: number, workload: Workload, topic: TrafficTopic])[] = [
  [0.45, 'recommend', 'requests'],
  [0.15, 'ordered', 'requests'],
  [0.15, 'digits', 'requests'],
  [0.22, 'patient', 'requests'],
  // As much as is let in at the least, however busy the machine is.
  [0.03, 'patient', 'requests.bulk'],
];
/** Some deadlines are short: a fault then ends them. */
const SHORT_DEADLINE = { share: 0.2, ms: 2_000 };
/** Clients that can wait ask for what is known so far. */
const PROVISIONAL = 0.3;
/** Clients repeat themselves. */
const REPEATED = { share: 0.01, mostMs: 20_000 };
/** Requests that do not fit their workload are owed an answer too. */
const INVALID = 0.02;
const WITHOUT_HISTORY = 0.2;
const WITH_CANDIDATES = 0.3;
const INTERACTIONS_PER_USER = 3;

/** Requests of all kinds: three tasks, three workloads with and one without a deadline, both lanes, many users. */
export function createTraffic({ seed, run, users = 500, provisional = true }: TrafficOptions): Traffic {
  const random = seededRandom(seed, 'traffic');
  let count = 0;
  return {
    next: () => message(random, `${run}-${count++}`, users, provisional),
    interactions: Array.from({ length: users * INTERACTIONS_PER_USER }, (_, index) => ({
      key: `user-${index % users}`,
      value: JSON.stringify({ userId: `user-${index % users}`, itemId: item(random), time: 1_700_000_000_000 + index * 1_000 }),
    })),
  };
}

function message(random: Random, requestId: string, users: number, mayAsk: boolean): Message {
  const [workload, topic] = choose(random);
  const userId = `user-${Math.floor(random() * users)}`;
  const base = DEADLINES_MS[workload];
  // All requests of an ordered user have the same time: an early deadline may overtake by contract.
  const short = base !== null && workload !== 'ordered' && random() < SHORT_DEADLINE.share;
  const deadlineMs = short ? SHORT_DEADLINE.ms : base;
  const valid = random() >= INVALID;
  const task = workload === 'digits' ? 'full' : pick(random, ['coarse', 'fine', 'full']);
  const input = workload === 'digits' ? { values: pixels(random, valid ? PIXELS : PIXELS - 1) } : { ...recommendation(random, task), ...(valid ? {} : { limit: 0 }) };
  const provisional = mayAsk && random() < PROVISIONAL;
  const hints = { task, ...(short ? { deadlineMs } : {}), ...(provisional ? { provisional } : {}) };
  return {
    topic, key: userId,
    value: JSON.stringify({ requestId, workload, userId, input, hints }),
    sent: { requestId, workload, userId, lane: topic === 'requests' ? 'interactive' : 'bulk', deadlineMs, ordered: workload === 'ordered', provisional, ...expectation(input) },
    ...(random() < REPEATED.share ? { repeatAfterMs: between(random, 0, REPEATED.mostMs) } : {}),
  };
}

function choose(random: Random): readonly [Workload, TrafficTopic] {
  let left = random();
  for (const [share, workload, topic] of MIX) {
    left -= share;
    if (left < 0) return [workload, topic];
  }
  return ['recommend', 'requests'];
}

interface Recommendation {
  history?: string[];
  candidates?: string[];
  limit: number;
}

function recommendation(random: Random, task: string): Recommendation {
  const history = random() < WITHOUT_HISTORY ? {} : { history: items(random, 1, 40) };
  // A coarse task asks the small model for candidates of its own.
  const candidates = task !== 'coarse' && random() < WITH_CANDIDATES ? { candidates: items(random, 20, 60) } : {};
  return { ...history, ...candidates, limit: Math.floor(between(random, 1, 16)) };
}

function expectation(input: Partial<Recommendation> & { values?: number[] }): Pick<SentRequest, 'limit' | 'candidates'> {
  const { limit, candidates } = input;
  return { ...(limit === undefined ? {} : { limit }), ...(candidates === undefined ? {} : { candidates }) };
}

const item = (random: Random) => String(1 + Math.floor(random() * ITEMS));

function items(random: Random, least: number, most: number): string[] {
  return Array.from({ length: Math.floor(between(random, least, most)) }, () => item(random));
}

function pixels(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => Math.floor(random() * 17));
}
