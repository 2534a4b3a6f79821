import { request as httpRequest } from 'node:http';
import { HEADER, topicName, type Heartbeat, type Request, type Response } from '@tandem/schemas';
import type { LogRecord } from '@tandem/shared/log';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startGatewayAndStages, type RunningGateway } from '../../../test/support/gateway.ts';

/** Here the test itself stands for the stages: it sees what the gateway writes, and answers when it likes. */
let running: RunningGateway;
const requests: LogRecord[] = [];

beforeEach(async () => {
  requests.length = 0;
  running = await startGatewayAndStages({}, { stages: [] });
  await running.ports.log.tail({ topic: topicName(running.settings.prefix, 'requests'), onRecord: (record) => void requests.push(record) });
});
afterEach(async () => running[Symbol.asyncDispose]());

const valueOf = ({ value }: LogRecord) => JSON.parse(String(value)) as Request & { cancel?: true };
const ask = (body: object, headers: Record<string, string> = {}) => running.gateway.server.inject({ method: 'POST', url: '/v1/requests', headers: { host: 'localhost', ...headers }, payload: body });
const body = (over: object = {}) => ({ workload: 'recommend', input: { limit: 2 }, hints: { deadlineMs: 30_000 }, ...over });

async function request(at = 0): Promise<LogRecord> {
  await expect.poll(() => requests.length, { timeout: 15_000 }).toBeGreaterThan(at);
  return requests[at]!;
}

/** As fusion does for a request that bears a reply address. */
async function reply(to: LogRecord, over: Partial<Response> = {}): Promise<void> {
  const { requestId, workload } = valueOf(to);
  const response = { requestId, workload, status: 'complete', final: true, sequence: 0, steps: [], latencyMs: 1, time: 1, ...over };
  const partition = Number(/^gateway\/(\d+)\//.exec(to.headers[HEADER.replyTo]!)![1]);
  await running.ports.producer.send([{ topic: topicName(running.settings.prefix, 'replies'), partition, key: null, value: JSON.stringify(response), headers: { ...to.headers, [HEADER.requestId]: requestId } }]);
}

test('provisional responses go to a client that asks for them, and to no other', async () => {
  const streamed = ask(body(), { accept: 'text/event-stream' });
  const plain = ask(body());
  await request(1);
  for (const record of requests) {
    await reply(record, { final: false, sequence: 0, result: { sequence: ['a'] } });
    await reply(record, { final: false, sequence: 1, result: { sequence: ['a', 'b'] } });
    await reply(record, { sequence: 2, result: { sequence: ['a', 'b', 'c'] } });
  }
  const events = [...(await streamed).payload.matchAll(/^event: (.*)\ndata: (.*)$/gm)].map(([, event, data]) => [event, (JSON.parse(data!) as Response).sequence]);
  expect(events).toEqual([['provisional', 0], ['provisional', 1], ['final', 2]]);
  expect((await plain).json()).toMatchObject({ final: true, sequence: 2 });
});

test('the caller’s trace goes on in the record', async () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const answer = ask(body(), { traceparent });
  expect((await request()).headers['traceparent']).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-/);
  await reply(await request());
  await answer;
});

test('a client that goes away takes its request back; one that will come again does not', async () => {
  const leave = async (over: object) => {
    const call = httpRequest(`${running.gateway.url}/v1/requests`, { method: 'POST', headers: { 'content-type': 'application/json' } });
    call.on('error', () => undefined).end(JSON.stringify(body(over)));
    await request(requests.length);
    call.destroy();
    await new Promise((resolve) => call.once('close', resolve));
  };
  await leave({ userId: 'u' });
  await expect.poll(() => requests.length, { timeout: 15_000 }).toBe(2);
  const [sent, taken] = requests.map(valueOf);
  expect(taken).toEqual({ cancel: true, requestId: sent!.requestId, workload: 'recommend', userId: 'u' });
  expect(requests[1]!.key).toBe(requests[0]!.key);
  await leave({ requestId: 'again' });
  await reply(requests[2]!);
  expect((await ask(body({ requestId: 'again' }))).statusCode).toBe(200);
  expect(requests.map(valueOf).filter(({ cancel }) => cancel)).toHaveLength(1);
});

test('a response that comes too late for the caller is kept for when it asks again', async () => {
  const late = await ask(body({ hints: { deadlineMs: 50 } }));
  expect(late.json()).toMatchObject({ status: 504, code: 'no_answer' });
  await reply(await request());
  await expect.poll(async () => (await running.gateway.server.inject({ url: late.headers.location!, headers: { host: 'localhost' } })).statusCode, { timeout: 15_000 }).toBe(200);
});

test('a caller that prefers to wait for a second gets 202 then', async () => {
  const response = await ask(body(), { prefer: 'wait=1' });
  expect(response.statusCode).toBe(202);
  expect((await ask(body(), { prefer: 'wait=soon' })).json()).toMatchObject({ code: 'invalid_request' });
});

test('what would wait for longer than its deadline is refused at once, with a time to come back', async () => {
  const time = running.ports.clock.now();
  const variant = { precision: 'fp32', version: '1', queued: 1_000, running: 8, completed: 0, failed: 0, meanBatchSize: 1, meanBatchMs: 10 };
  const heartbeat: Heartbeat = { kind: 'worker', instance: 'w', time, resources: { time, cpuCores: 2, memoryBytes: 1, memoryFreeBytes: 1 }, variants: [{ ...variant, model: 'recommend-small' }, { ...variant, model: 'recommend-large' }] };
  await running.ports.producer.send([{ topic: topicName(running.settings.prefix, 'telemetry'), key: 'w', value: JSON.stringify(heartbeat) }]);
  const refusal = async () => ask(body({ hints: { deadlineMs: 1_000 } }), { prefer: 'respond-async' });
  await expect.poll(async () => (await refusal()).json<{ code?: string }>().code, { timeout: 2_500 }).toBe('overload');
  const { headers, statusCode } = await refusal();
  expect(statusCode).toBe(503);
  expect(headers['retry-after']).toBe('10');
});

test('a gateway that goes away finishes what is on its way, and refuses what is new', async () => {
  const waiting = fetch(`${running.gateway.url}/v1/requests`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body()) });
  const record = await request();
  const closed = running.gateway[Symbol.asyncDispose]();
  const refused = await ask(body());
  expect(refused.json()).toMatchObject({ status: 503, code: 'draining' });
  expect(refused.headers).toMatchObject({ 'retry-after': '1', connection: 'close' });
  expect((await fetch(`${running.gateway.url}/readyz`)).status).toBe(503);
  await reply(record);
  expect((await waiting).status).toBe(200);
  await closed;
});

test('a log that cannot be written to in time is told apart from a flow that does not answer', async () => {
  const { producer } = running.ports;
  const send = producer.send.bind(producer);
  producer.send = () => new Promise(() => undefined);
  expect((await ask(body({ hints: { deadlineMs: 50 } }))).json()).toMatchObject({ status: 503, code: 'log_unavailable' });
  producer.send = async () => Promise.reject(new Error('secret broker address'));
  const failed = await ask(body());
  expect(failed.json()).toMatchObject({ status: 503, code: 'log_unavailable' });
  expect(failed.payload).not.toContain('secret');
  expect((await ask(body({ requestId: 'tried-again' }))).json()).toMatchObject({ code: 'log_unavailable' });
  expect((await ask(body(), { prefer: 'respond-async' })).json()).toMatchObject({ code: 'log_unavailable' });
  // Nobody goes on waiting for what was never written: they would take up the room of all.
  const { values: [waiting] } = await running.ports.metrics.gatewayWaiting.get();
  expect(waiting?.value).toBe(0);
  producer.send = send;
  const again = ask(body({ requestId: 'tried-again' }));
  await reply(await request());
  expect((await again).statusCode).toBe(200);
});

test('calls are measured by route and status, once each, and not those that bring no work', async () => {
  const answer = ask(body());
  await reply(await request());
  expect((await answer).statusCode).toBe(200);
  expect((await ask({ workload: 'recommend' }, { 'content-type': 'text/csv' })).statusCode).toBe(415);
  expect((await running.gateway.server.inject({ url: '/healthz' })).statusCode).toBe(200);
  const counted = async () => (await running.ports.metrics.registry.metrics()).split('\n').filter((line) => line.startsWith('tandem_gateway_seconds_count'));
  await expect.poll(counted).toEqual(['tandem_gateway_seconds_count{route="/v1/requests",status="200"} 1', 'tandem_gateway_seconds_count{route="/v1/requests",status="415"} 1']);
});
