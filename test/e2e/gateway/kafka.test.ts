import { topicName } from '@tandem/schemas';
import type { Gateway } from '@tandem/gateway';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startGatewayAndStages, type RunningGateway } from '../../support/gateway.ts';

describe('two gateways over real Kafka and Redis', () => {
  let running: RunningGateway;
  let gateways: readonly [Gateway, Gateway];

  beforeAll(async () => {
    running = await startGatewayAndStages({ kafka: inject('kafka'), redis: inject('redis'), gatewayRateStore: 'shared', gatewayRates: 'standard:1000000' });
    gateways = [running.gateway, await running.another()];
  });
  afterAll(async () => running[Symbol.asyncDispose]());

  const body = (requestId: string) => ({ requestId, workload: 'recommend', input: { history: ['1', '260'], limit: 2 }, hints: { deadlineMs: 60_000 } });
  const post = (gateway: Gateway, payload: object, headers: Record<string, string> = {}) =>
    fetch(`${gateway.url}/v1/requests`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(payload) });

  test('each answers its own calls, from the same stages', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `both-${index}`);
    const answers = await Promise.all(ids.map(async (id, index) => {
      const response = await post(gateways[index % 2]!, body(id));
      return (await response.json()) as { requestId: string; status: string };
    }));
    expect(answers).toMatchObject(ids.map((requestId) => ({ requestId, status: 'complete' })));
  });

  test('what one accepted, the other knows: by Redis, by the log, and as the same request', async () => {
    const accepted = await post(gateways[0], body('handed-over'), { prefer: 'respond-async' });
    expect(accepted.status).toBe(202);
    const at = (path: string) => fetch(gateways[1].url + path);
    await expect.poll(async () => (await at('/v1/requests/handed-over')).status, { timeout: 30_000 }).toBe(200);
    await running.ports.cache.delete('gateway/answer/handed-over');
    expect((await at('/v1/requests/handed-over')).status).toBe(202);
    const found = await at(accepted.headers.get('location')!);
    expect(found.status).toBe(200);
    await running.ports.cache.set('gateway/answer/handed-over', await found.text());
    const again = await post(gateways[1], body('handed-over'));
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, 'true']);
  });

  test('a batch through one is streamed by the other', async () => {
    const leaving = new AbortController();
    const stream = await fetch(`${gateways[1].url}/v1/stream?workload=recommend`, { signal: leaving.signal });
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    let seen = '';
    const until = async (isEnough: () => boolean) => {
      while (!isEnough()) seen += (await reader.read()).value ?? '';
    };
    await until(() => seen.includes('caught-up'));
    const ids = Array.from({ length: 200 }, (_, index) => `batched-${index}`);
    const batch = await fetch(`${gateways[0].url}/v1/requests:batch`, { method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body: ids.map((id) => JSON.stringify(body(id))).join('\n') });
    const answered = (await batch.text()).trim().split('\n').map((line) => JSON.parse(line) as { requestId: string; status: string });
    expect(answered.map(({ requestId }) => requestId).toSorted()).toEqual(ids.toSorted());
    await until(() => ids.every((id) => seen.includes(`"requestId":"${id}"`)));
    leaving.abort();
  });

  test('copies of responses go to the partition of the gateway that waits, and nowhere else', async () => {
    const offsets = await running.ports.log.admin.offsets(topicName(running.settings.prefix, 'replies'));
    expect(offsets.filter(({ latest }) => latest > 0).length).toBeLessThanOrEqual(2);
    expect(offsets.reduce((sum, { latest }) => sum + latest, 0)).toBe(241);
  });
});
