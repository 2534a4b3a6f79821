import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGatewayAndStages, type RunningGateway } from '../../test/support/gateway.ts';

const patient = { deadlineMs: 60_000 };
const recommend = (over: Record<string, unknown> = {}) => ({ workload: 'recommend', input: { history: ['1', '260'], limit: 2 }, hints: patient, ...over });

describe('a gateway over the embedded log and the real stages', () => {
  let running: RunningGateway;
  const call = (method: 'GET' | 'POST', url: string, body?: unknown, headers: Record<string, string> = {}) =>
    running.gateway.server.inject({ method, url, headers: { host: 'localhost', ...headers }, ...(body === undefined ? {} : { payload: body as object }) });
  const ask = (body: unknown, headers?: Record<string, string>) => call('POST', '/v1/requests', body, headers);

  beforeAll(async () => {
    running = await startGatewayAndStages();
  });
  afterAll(async () => running[Symbol.asyncDispose]());

  test('answers a request with what the models say, under the client’s id', async () => {
    const response = await ask(recommend({ requestId: 'mine' }));
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({ requestId: 'mine', workload: 'recommend', status: 'complete', final: true });
    expect(response.json<{ result: { items: unknown[] } }>().result.items).toHaveLength(2);
  });

  test.each([['GET', '/v1/requests', 'There is no GET /v1/requests (there is POST);'], ['POST', '/v2', 'There is no POST /v2 (there is GET);'], ['GET', '/v1/nope', 'There is no GET /v1/nope;']] as const)('%s %s is told which method there is, if any', async (method, url, told) => {
    const response = await running.gateway.server.inject({ method, url, headers: { host: 'localhost' } });
    expect(response.json()).toMatchObject({ status: 404, code: 'not_found', detail: expect.stringContaining(told) as string });
  });

  test('tells what the stages refuse as a problem with their code', async () => {
    const unknown = await ask({ workload: 'nope', input: {}, hints: patient });
    expect(unknown.statusCode).toBe(404);
    expect(unknown.headers['content-type']).toContain('application/problem+json');
    expect(unknown.json()).toMatchObject({ type: 'urn:tandem:problem:unknown_workload', code: 'unknown_workload', response: { status: 'rejected' } });
    expect((await ask(recommend({ input: { limit: 0 } }))).json()).toMatchObject({ status: 422, code: 'invalid_input' });
  });

  test.each([
    ['{"workload"', 400, 'invalid_json'], ['[]', 400, 'invalid_request'], ['{"workload":"Recommend","input":{}}', 400, 'invalid_request'],
    ['{"workload":"recommend","input":{},"requestId":""}', 400, 'invalid_request'], ['', 400, 'empty_value'],
    [`{"workload":"recommend","input":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`, 400, 'too_deep'],
    [`{"workload":"recommend","input":{"a":"${'x'.repeat(1_000_000)}"}}`, 413, 'too_large'],
  ])('refuses the body %.40s… with %i %s', async (payload, status, code) => {
    const response = await running.gateway.server.inject({ method: 'POST', url: '/v1/requests', headers: { host: 'localhost', 'content-type': 'application/json' }, payload });
    expect(response.json()).toMatchObject({ status, code });
    expect(response.payload).not.toMatch(/node_modules|\.ts:|    at /);
  });

  test('takes no other content type, and answers no other name', async () => {
    const text = await running.gateway.server.inject({ method: 'POST', url: '/v1/requests', headers: { host: 'localhost', 'content-type': 'text/plain' }, payload: '{}' });
    expect(text.json()).toMatchObject({ status: 415, code: 'unsupported_media_type', detail: expect.stringMatching(/text\/plain.*application\/json/) });
    expect((await ask(recommend(), { host: 'evil.example' })).json()).toMatchObject({ status: 403, code: 'forbidden' });
  });

  test('lets no page of another origin in, and sends the headers of a careful server', async () => {
    const preflight = await running.gateway.server.inject({ method: 'OPTIONS', url: '/v1/requests', headers: { host: 'localhost', origin: 'https://evil.example', 'access-control-request-method': 'POST' } });
    expect(preflight.statusCode).toBe(404);
    expect(Object.keys(preflight.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(preflight.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'content-security-policy': expect.stringContaining("default-src 'self'") });
  });

  test('accepts a request at once where that is preferred, and gives the answer at the address it named', async () => {
    const accepted = await ask(recommend(), { prefer: 'respond-async' });
    expect(accepted.statusCode).toBe(202);
    expect(accepted.headers['preference-applied']).toBe('respond-async');
    const location = accepted.headers.location!;
    await expect.poll(async () => (await call('GET', location)).statusCode, { timeout: 15_000 }).toBe(200);
    expect((await call('GET', location)).json()).toMatchObject({ requestId: accepted.json<{ requestId: string }>().requestId, status: 'complete' });
  });

  test('another gateway finds the answer in the log, without the cache', async () => {
    const accepted = await ask(recommend({ requestId: 'elsewhere' }), { prefer: 'respond-async' });
    await expect.poll(() => running.ports.cache.get('gateway/answer/elsewhere'), { timeout: 15_000 }).toBeDefined();
    await running.ports.cache.delete('gateway/answer/elsewhere');
    const other = await running.another();
    const at = (url: string) => other.server.inject({ url, headers: { host: 'localhost' } });
    expect((await at('/v1/requests/elsewhere')).statusCode).toBe(202);
    expect((await at(accepted.headers.location!)).json()).toMatchObject({ requestId: 'elsewhere', status: 'complete', final: true });
    expect((await call('GET', '/v1/requests/never-sent')).json()).toMatchObject({ status: 404, code: 'unknown_request' });
  });

  test('each of several gateways gets the answers to its own requests', async () => {
    const others = await Promise.all([running.another(), running.another(), running.another()]);
    const answers = await Promise.all(others.flatMap((gateway, which) => Array.from({ length: 10 }, (_, index) =>
      gateway.server.inject({ method: 'POST', url: '/v1/requests', headers: { host: 'localhost' }, payload: recommend({ requestId: `g${which}-${index}` }) }))));
    expect(answers.map((answer) => answer.json<{ requestId: string }>().requestId)).toEqual(others.flatMap((_, which) => Array.from({ length: 10 }, (__, index) => `g${which}-${index}`)));
  });

  test('answers the same idempotency key once, and tells another body apart', async () => {
    const headers = { 'idempotency-key': 'order-17' };
    const [first, second] = await Promise.all([ask(recommend(), headers), ask(recommend(), headers)]);
    const third = await ask(recommend(), headers);
    expect([first, second, third].map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
    expect(second.json()).toEqual(first.json());
    expect(third.json()).toEqual(first.json());
    expect(third.headers['idempotency-replayed']).toBe('true');
    expect((await ask(recommend({ input: { history: ['2'] } }), headers)).json()).toMatchObject({ status: 409, code: 'idempotency_conflict' });
    expect((await ask(recommend({ requestId: 'x' }), headers)).json()).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  test('streams the responses of one request to a client that asks for them', async () => {
    const events = await ask(recommend({ requestId: 'streamed' }), { accept: 'text/event-stream' });
    expect(events.headers['content-type']).toBe('text/event-stream');
    expect(events.payload).toMatch(/^event: final\ndata: \{"requestId":"streamed".*"final":true.*\}\n\n$/);
    const lines = await ask(recommend({ requestId: 'lined' }), { accept: 'application/x-ndjson' });
    expect(JSON.parse(lines.payload)).toMatchObject({ requestId: 'lined', final: true });
  });

  /** Final or not, of each event of a stream. */
  const finals = (payload: string) => [...payload.matchAll(/"final":(true|false)/g)].map(([, final]) => final === 'true');
  const full = (over: object = {}) => recommend({ hints: { ...patient, task: 'full', ...over } });

  test('streams the small model’s answer now and the large one’s later', async () => {
    const { payload } = await ask(full(), { accept: 'text/event-stream' });
    expect([...payload.matchAll(/^event: (.*)$/gm)].map(([, event]) => event)).toEqual(['provisional', 'final']);
    expect(finals(payload)).toEqual([false, true]);
    expect(payload).toMatch(/"status":"provisional".*"model":"recommend-small"/);
  });

  test('gives no provisional answer to a stream that declines them, nor to whoever takes one answer', async () => {
    expect(finals((await ask(full({ provisional: false }), { accept: 'text/event-stream' })).payload)).toEqual([true]);
    expect(finals((await ask(full({ provisional: true }))).payload)).toEqual([true]);
  });

  test('streams a sequence while it is generated', async () => {
    const { payload } = await ask({ workload: 'generate', input: { history: ['1', '260'], count: 40 }, hints: patient }, { accept: 'application/x-ndjson' });
    const lines = payload.trim().split('\n').map((line) => JSON.parse(line) as { sequence: number; result: { sequence: string[] } });
    const whole = lines.at(-1)!.result.sequence;
    expect(finals(payload)).toEqual([...lines.slice(1).map(() => false), true]);
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.map(({ sequence }) => sequence)).toEqual(lines.map((_, index) => index));
    for (const { result } of lines) expect(result.sequence).toEqual(whole.slice(0, result.sequence.length));
  });

  test('the same call, streamed or not, is the same request', async () => {
    const body = { ...full(), requestId: 'streamed-once' };
    await ask(body, { accept: 'text/event-stream' });
    expect((await ask(body)).headers).toMatchObject({ 'idempotency-replayed': 'true' });
  });

  test('lines of a batch have provisional answers where they ask for them', async () => {
    const lines = [full({ provisional: true }), full()].map((line) => JSON.stringify(line)).join('\n');
    const { payload } = await running.gateway.server.inject({ method: 'POST', url: '/v1/requests:batch', headers: { host: 'localhost', 'content-type': 'application/x-ndjson' }, payload: lines });
    const answers = payload.trim().split('\n').map((line) => JSON.parse(line) as { line: number; final: boolean });
    expect(answers.filter(({ line }) => line === 1).map(({ final }) => final)).toEqual([false, true]);
    expect(answers.filter(({ line }) => line === 2).map(({ final }) => final)).toEqual([true]);
  });

  test('answers each line of a batch, whatever the others are', async () => {
    const lines = [JSON.stringify(recommend({ requestId: 'b1' })), 'nonsense', '', JSON.stringify(recommend({ requestId: 'b2' })), JSON.stringify({ workload: 'nope', input: {}, hints: patient, requestId: 'b3' })];
    const response = await running.gateway.server.inject({ method: 'POST', url: '/v1/requests:batch', headers: { host: 'localhost', 'content-type': 'application/x-ndjson' }, payload: lines.join('\n') });
    const answers = response.payload.trim().split('\n').map((line) => JSON.parse(line) as { line: number });
    expect(answers.toSorted((a, b) => a.line - b.line)).toMatchObject([
      { line: 1, requestId: 'b1', status: 'complete' }, { line: 2, problem: { code: 'invalid_json' } }, { line: 4, requestId: 'b2', status: 'complete' },
      { line: 5, requestId: 'b3', status: 'rejected', error: { code: 'unknown_workload' } },
    ]);
  });

  test('interactions become the user’s features', async () => {
    const body = ['1', '260', '1196'].map((itemId, index) => ({ userId: 'visitor', itemId, time: 1_000 + index }));
    expect((await call('POST', '/v1/interactions', body)).json()).toEqual({ accepted: 3 });
    expect((await call('POST', '/v1/interactions', { userId: 'visitor' })).json()).toMatchObject({ status: 400, code: 'invalid_interaction' });
    const known = await ask(recommend({ userId: 'visitor', input: { limit: 2, asOfInteractions: 3 } }));
    expect(known.json()).toMatchObject({ status: 'complete', userId: 'visitor' });
    expect(known.json()).not.toHaveProperty('reason');
  });
});
