import type { RecommendFeatures, Task, Work } from '@tandem/schemas';
import type { Random } from '@tandem/shared/clock';
import type { LogRecord } from '@tandem/shared/log';
import { zipf } from '@tandem/shared/random';

export interface ReplayShape {
  users: number;
  /** Of Zipf's law: how much more often the most active users ask. */
  exponent: number;
  /** Share of requests before which the user did something new, so that the history differs. */
  interactionShare: number;
  catalogueItems: number;
}

const WINDOW = 64;
const LEAST_HISTORY = 20;

/** Fine requests of users who are as active as Zipf says and do something new now and then. Endless. */
export function* replay({ users, exponent, interactionShare, catalogueItems }: ReplayShape, random: Random): Generator<{ userId: string; features: RecommendFeatures }> {
  const draw = zipf(users, exponent, random);
  const item = () => 1 + Math.floor(random() * catalogueItems);
  const histories = new Map<number, number[]>();
  for (;;) {
    const user = draw();
    const history = histories.get(user) ?? Array.from({ length: LEAST_HISTORY + Math.floor(random() * WINDOW) }, item);
    if (!histories.has(user) || random() < interactionShare) histories.set(user, [...history, item()].slice(-2 * WINDOW + 1));
    const now = histories.get(user)!;
    yield { userId: `user-${user}`, features: { history: now, total: now.length, limit: 10 } };
  }
}

interface Place {
  index: number;
  variant: { model: string; precision: string };
  workload: string;
}

/** As the scheduler would write it. */
export function workRecord({ userId, features }: { userId: string; features: RecommendFeatures }, { index, variant, workload }: Place): LogRecord {
  const { model, precision } = variant;
  const task: Task = {
    requestId: `r${index}`, workload, key: userId, userId, lane: 'interactive', task: 'fine', tier: 'standard', arrivedAt: 0, deadlineAt: null, accuracyFloor: null,
    activity: 0.5, input: features, source: `requests/0/${index}`, marks: [],
    plan: { id: 'fine', strategy: 'rerank', steps: [{ id: 'fine', role: 'fine', model, after: [], required: false }] },
  };
  const work: Work = { step: 'fine', model, precision, reason: 'bench', dispatchedAt: 0, task, previous: {} };
  return { topic: `bench.work.${model}.${precision}`, partition: 0, offset: index, key: userId, value: Buffer.from(JSON.stringify(work)), headers: {}, timestamp: 0 };
}
