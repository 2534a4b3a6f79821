import { fixedTopics, topicName, type Request, type Response, type Workload } from '@tandem/schemas';
import type { EventLog, LogRecord, OutgoingRecord } from '@tandem/shared/log';

/** Stands for all stages in tests: reads requests and interactions, answers with what it is told. */
export interface FakeFlow extends AsyncDisposable {
  /** Everything read, parsed, in the order in which it came. */
  readonly seen: { topic: string; value: Record<string, unknown> }[];
}

/** None: leaves the request unanswered; several: answers it more than once. */
export type Answer = (request: Request, knownInteractions: readonly string[]) => readonly Response[];

export const FAKE_PREFIX = 'test.';

export const FAKE_WORKLOAD: Workload = {
  name: 'recommend', description: 'for tests', adapter: 'recommend', deadlineMs: 1_000, accuracyFloor: 0, activeAbove: 0.8, activityTau: 20, order: 'none', freshness: 'off', options: {},
  plans: {
    full: {
      strategy: 'rerank',
      steps: [
        { id: 'coarse', role: 'coarse', model: 'small', after: [], required: false },
        { id: 'fine', role: 'fine', model: 'large', after: ['coarse'], required: false },
      ],
    },
  },
};

export function fakeResponse({ requestId, workload, userId, hints }: Request, items: readonly string[]): Response {
  const models = hints?.task === 'coarse' ? ['small'] : hints?.task === 'fine' ? ['large'] : ['small', 'large'];
  return {
    requestId, workload, ...(userId === undefined ? {} : { userId }),
    status: 'complete', final: true, sequence: 0, latencyMs: 1, time: 0,
    result: { items: items.map((itemId, index) => ({ itemId, score: -index })) },
    steps: models.map((model) => ({ step: model, model, precision: 'fp32', version: '1', batchSize: 1, queueMs: 0, computeMs: 1, reason: 'test' })),
  };
}

export async function startFakeFlow(log: EventLog, answer: Answer): Promise<FakeFlow> {
  const topics = fixedTopics({ prefix: FAKE_PREFIX, partitions: 2 });
  await log.admin.ensureTopics(topics);
  const producer = await log.producer();
  const seen: FakeFlow['seen'] = [];
  const known = new Map<string, string[]>();
  const requests = topicName(FAKE_PREFIX, 'requests');
  const respond = (request: Request): OutgoingRecord[] =>
    answer(request, known.get(request.userId ?? '') ?? []).map((response) => ({ topic: topicName(FAKE_PREFIX, 'responses'), key: request.userId ?? null, value: JSON.stringify(response) }));
  const read = ({ topic, value: bytes }: LogRecord) => {
    const value = JSON.parse(String(bytes)) as Record<string, unknown>;
    seen.push({ topic, value });
    if (topic === requests) return void producer.send(respond(value as Request));
    const { userId, itemId } = value as { userId: string; itemId: string };
    known.set(userId, [...(known.get(userId) ?? []), itemId]);
  };
  const consumer = log.consumer({
    groupId: 'fake-flow',
    topics: [requests, topicName(FAKE_PREFIX, 'interactions')],
    onRecord(delivery) {
      read(delivery.record);
      delivery.ack();
    },
  });
  await consumer.start();
  return {
    seen,
    async [Symbol.asyncDispose]() {
      await consumer.close();
      await producer.close();
    },
  };
}
