import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { HEADER, topicName } from '@tandem/schemas';
import type { EventLog } from '@tandem/shared/log';

/** One question and its answer; resolves with how long it took, ms. */
export interface RoundTrips extends AsyncDisposable {
  take(): Promise<number>;
}

export const BODY = JSON.stringify({ workload: 'echo', userId: '42', input: { history: ['1', '260', '1196'], limit: 10 }, hints: { deadlineMs: 10_000 } });

/** Through the gateway, over a connection that stays. */
export function overHttp(url: string): RoundTrips {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  return {
    take: () => new Promise((resolve, reject) => {
      const startedAt = performance.now();
      const call = request(`${url}/v1/requests`, { method: 'POST', agent, headers: { 'content-type': 'application/json' } }, (response) => {
        response.resume().once('end', () => (response.statusCode === 200 ? resolve(performance.now() - startedAt) : reject(new Error(`status ${response.statusCode}`))));
      });
      call.once('error', reject).end(BODY);
    }),
    [Symbol.asyncDispose]: async () => agent.destroy(),
  };
}

/** The same question by a producer, its answer by a consumer of the responses. */
export async function overKafka(log: EventLog, prefix: string): Promise<RoundTrips> {
  const waiting = new Map<string, () => void>();
  const producer = await log.producer();
  const consumer = log.consumer({
    groupId: `${prefix}bench-${randomUUID()}`, topics: [topicName(prefix, 'responses')], startFrom: 'latest',
    onRecord(delivery) {
      waiting.get(delivery.record.headers[HEADER.requestId] ?? '')?.();
      delivery.ack();
    },
  });
  await consumer.start();
  return {
    async take() {
      const requestId = randomUUID();
      const startedAt = performance.now();
      const answered = new Promise<void>((resolve) => waiting.set(requestId, resolve));
      const value = JSON.stringify({ requestId, ...(JSON.parse(BODY) as object) });
      await Promise.all([producer.send([{ topic: topicName(prefix, 'requests'), key: '42', value }]), answered]);
      waiting.delete(requestId);
      return performance.now() - startedAt;
    },
    async [Symbol.asyncDispose]() {
      await consumer.close();
      await producer.close();
    },
  };
}
