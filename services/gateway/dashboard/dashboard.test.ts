import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { topicName } from '@tandem/schemas';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGatewayAndStages, type RunningGateway } from '../../../test/support/gateway.ts';
import { addApiKey } from '../auth/key-file.ts';
import { Gateway } from '../gateway.ts';
import { dashboard } from './index.ts';

const PAGE_BYTES = 200_000;
const grant = { name: 'someone', tenant: 'acme', tier: 'standard' };
let folder: string;
let running: RunningGateway;
let gateway: Gateway;
let keys: Record<'read' | 'operate', string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dashboard-keys-'));
  const file = join(folder, 'keys.json');
  keys = { read: (await addApiKey(file, { ...grant, scopes: ['read'] })).key, operate: (await addApiKey(file, { ...grant, scopes: ['read', 'operate'] })).key };
  running = await startGatewayAndStages({ gatewayAuth: 'on', gatewayKeysFile: file }, { stages: [] });
  gateway = await Gateway.start({ settings: running.settings, ports: running.ports }, [dashboard]);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await running[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function call(url: string, { key, body, headers = {} }: { key?: string; body?: object; headers?: Record<string, string> } = {}) {
  const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
  return gateway.server.inject({ method: body === undefined ? 'GET' : 'POST', url, headers: { host: 'localhost', ...authorization, ...headers }, ...(body === undefined ? {} : { payload: body }) });
}

/** The first events that a page gets. */
async function events(key: string, count: number): Promise<{ name: string; data: Record<string, unknown> }[]> {
  const abort = new AbortController();
  const response = await fetch(`${gateway.url}/dashboard/events`, { headers: { authorization: `Bearer ${key}` }, signal: abort.signal });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.split('\n\n').length > count) break;
  }
  abort.abort();
  return text.split('\n\n').slice(0, count).map((event) => ({ name: /^event: (.*)$/m.exec(event)?.[1] ?? '', data: JSON.parse(/^data: (.*)$/m.exec(event)?.[1] ?? '') as Record<string, unknown> }));
}

test('all that the page needs comes from here, asks nobody else, and is small', async () => {
  const seen = new Set<string>();
  const queue = ['/'];
  let bytes = 0;
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    seen.add(path);
    const plain = await call(path);
    expect([path, plain.statusCode]).toEqual([path, 200]);
    bytes += (await call(path, { headers: { 'accept-encoding': 'gzip' } })).rawPayload.byteLength;
    const wanted = [...plain.payload.matchAll(/(?:src|href)="([^"#]+)"/g), ...plain.payload.matchAll(/from '\.(\/[\w-]+\.js)'/g)].map(([, found]) => (found?.startsWith('/dashboard/') === true ? found : `/dashboard${found}`));
    queue.push(...wanted.filter((next) => !seen.has(next) && !queue.includes(next)));
    if (!path.includes('uplot') && !path.endsWith('.svg')) expect(plain.payload).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
  }
  expect(seen.size).toBeGreaterThan(10);
  expect(bytes).toBeLessThan(PAGE_BYTES);
});

test('a page that has not changed is not sent again', async () => {
  const first = await call('/dashboard/app.js');
  expect((await call('/dashboard/app.js', { headers: { 'if-none-match': first.headers.etag! } })).statusCode).toBe(304);
  expect((await call('/dashboard/other.js')).json()).toMatchObject({ code: 'not_found' });
});

test('the page is for all, figures are for who may read, single requests and actions for operators', async () => {
  expect((await call('/')).statusCode).toBe(200);
  for (const url of ['/dashboard/events', '/dashboard/dead-letters', '/dashboard/requests/r1']) expect((await call(url)).json()).toMatchObject({ code: 'unauthenticated' });
  for (const url of ['/dashboard/dead-letters', '/dashboard/dead-letter?key=a', '/dashboard/requests/r1']) expect((await call(url, { key: keys.read })).json()).toMatchObject({ code: 'forbidden' });
  expect((await call('/dashboard/actions', { key: keys.read, body: { action: 'lane.pause', lane: 'bulk' } })).json()).toMatchObject({ code: 'forbidden' });
  expect((await call('/dashboard/dead-letters', { key: keys.operate })).json()).toEqual({ letters: [], total: 0 });
});

test('readers see nothing of single requests, operators do; both get a snapshot each second', async () => {
  const producer = await running.ports.log.producer();
  const response = { requestId: 'secret', workload: 'w', status: 'complete', final: true, sequence: 0, latencyMs: 1, time: 1, steps: [] };
  await expect.poll(async () => {
    await producer.send([{ topic: topicName(running.settings.prefix, 'responses'), key: 'k', value: JSON.stringify(response) }]);
    const [hello, , snapshot] = await events(keys.operate, 3);
    expect(hello).toMatchObject({ name: 'hello', data: { actor: expect.stringMatching(/^someone/), canOperate: true } });
    return JSON.stringify(snapshot);
  }, { timeout: 15_000 }).toContain('secret');
  const forReaders = await events(keys.read, 3);
  expect(forReaders.map(({ name }) => name)).toEqual(['hello', 'snapshot', 'snapshot']);
  expect(JSON.stringify(forReaders)).not.toContain('secret');
});

test.each([{}, { action: 'lane.pause', lane: 'fast' }, { action: 'drop.tables' }, { action: 'dead-letters.replay', keys: [] }])('what is no action is refused: %j', async (body) => {
  expect((await call('/dashboard/actions', { key: keys.operate, body })).json()).toMatchObject({ status: 400, code: 'invalid_request' });
});

test('an action is done under the name of the credential', async () => {
  expect((await call('/dashboard/actions', { key: keys.operate, body: { action: 'lane.pause', lane: 'bulk' } })).statusCode).toBe(200);
  await expect.poll(async () => JSON.stringify(await events(keys.read, 2)), { timeout: 15_000 }).toContain('"paused":{"by":"someone');
});

test('a request that nobody knows is said to be unknown', async () => {
  expect((await call('/dashboard/requests/never-sent', { key: keys.operate })).json()).toMatchObject({ code: 'not_found', detail: expect.stringContaining('tandem explain') });
});
