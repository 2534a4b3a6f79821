import { topicName } from '@tandem/schemas';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGatewayAndStages, type RunningGateway } from '../../../test/support/gateway.ts';

let running: RunningGateway;
const ask = (userId: string, requestId: string) => running.gateway.server.inject({
  method: 'POST', url: '/v1/requests', headers: { host: 'localhost', prefer: 'respond-async' },
  payload: { requestId, userId, workload: 'recommend', input: { history: ['1', '260'], limit: 2 }, hints: { deadlineMs: 60_000 } },
});
const get = (url: string) => running.gateway.server.inject({ url, headers: { host: 'localhost' } });
/** The address of the answer, once it is there. */
async function answered(userId: string, requestId: string): Promise<string> {
  const { location } = (await ask(userId, requestId)).headers;
  await expect.poll(async () => (await get(`/v1/requests/${requestId}`)).statusCode, { timeout: 15_000 }).toBe(200);
  return location as string;
}

beforeAll(async () => {
  running = await startGatewayAndStages();
});
afterAll(async () => running[Symbol.asyncDispose]());

test('answers to a user who was erased are given to nobody any more, neither kept ones nor from the log; later ones are, and others’', async () => {
  const [ofAnn, ofBob] = [await answered('ann', 'of-ann'), await answered('bob', 'of-bob')];
  const producer = await running.ports.log.producer();
  await producer.send([{ topic: topicName(running.settings.prefix, 'interactions'), key: 'ann', value: JSON.stringify({ erase: true, userId: 'ann', time: Date.now() }) }]);
  await expect.poll(async () => (await get('/v1/requests/of-ann')).statusCode, { timeout: 15_000 }).toBe(202);
  expect(await running.ports.cache.get('gateway/answer/of-ann')).toBeUndefined();
  expect((await get(ofAnn)).json()).toMatchObject({ status: 404, code: 'unknown_request' });
  expect([(await get('/v1/requests/of-bob')).statusCode, (await get(ofBob)).statusCode]).toEqual([200, 200]);

  const later = await running.another();
  const fromTheLog = (url: string) => later.server.inject({ url, headers: { host: 'localhost' } });
  await expect.poll(async () => (await fromTheLog(ofAnn)).statusCode, { timeout: 15_000 }).toBe(404);

  await answered('ann', 'of-ann-again');
});
