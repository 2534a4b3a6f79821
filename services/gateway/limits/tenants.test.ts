import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGatewayAndStages, type RunningGateway } from '../../../test/support/gateway.ts';
import { addApiKey } from '../auth/key-file.ts';

let folder: string;
let running: RunningGateway;
let greedy: string;
let modest: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gateway-tenants-'));
  const file = join(folder, 'keys.json');
  const keyOf = async (tenant: string) => (await addApiKey(file, { name: tenant, tenant, tier: 'standard', scopes: ['send', 'read'], ratePerSecond: 100_000 })).key;
  [greedy, modest] = [await keyOf('greedy'), await keyOf('modest')];
  // No stage runs: whoever asks, waits.
  running = await startGatewayAndStages({ gatewayAuth: 'on', gatewayKeysFile: file, gatewayMaxWaiting: 20 }, { stages: [] });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const ask = (key: string, over: { headers?: Record<string, string>; payload?: object } = {}) => running.gateway.server.inject({
  method: 'POST', url: '/v1/requests', headers: { authorization: `Bearer ${key}`, ...over.headers },
  payload: over.payload ?? { workload: 'recommend', input: {}, hints: { deadlineMs: 1_500 } },
});

test('a tenant that sends all it can leaves another its places, and one key sent many times is many that wait', { timeout: 30_000 }, async () => {
  const many = Array.from({ length: 40 }, (_, index) => ask(greedy, index % 2 === 0 ? { headers: { 'idempotency-key': 'the-same' } } : {}));
  const others = Array.from({ length: 2 }, () => ask(modest));
  const codesOf = async (calls: typeof many) => (await Promise.all(calls)).map((response) => response.json<{ code?: string }>().code ?? 'pending').toSorted();
  const [greedyCodes, modestCodes] = [await codesOf(many), await codesOf(others)];
  expect(greedyCodes.filter((code) => code === 'overload')).toHaveLength(24);
  expect(greedyCodes.filter((code) => code === 'pending').length).toBeGreaterThan(1);
  expect(modestCodes).toEqual(['no_answer', 'no_answer']);
});

/** A stream that stays open; `ended` is how it ends. */
async function follow(key: string): Promise<{ status: number; ended: Promise<string>; leave: () => void }> {
  const leaving = new AbortController();
  const response = await fetch(`${running.gateway.url}/v1/stream`, { headers: { authorization: `Bearer ${key}` }, signal: leaving.signal });
  return { status: response.status, ended: response.text().then(() => 'answered', () => 'cut off'), leave: () => leaving.abort() };
}

test('who has all streams gives one up for a tenant that has none', { timeout: 60_000 }, async () => {
  const streams = [];
  for (let index = 0; index < 200; index++) streams.push(await follow(greedy));
  expect(streams.map(({ status }) => status).every((status) => status === 200)).toBe(true);
  const more = await follow(greedy);
  expect(more.status).toBe(503);
  const other = await follow(modest);
  expect(other.status).toBe(200);
  expect(await streams.at(-1)!.ended).toBe('cut off');
  for (const { leave } of [...streams, other]) leave();
});

test('bodies are counted before they are read: what a tenant announces beyond its part is refused, others’ are taken, and all is given back', { timeout: 30_000 }, async () => {
  // A packed body may be as large as is taken once it is unpacked: few fit at once.
  const packed = () => running.gateway.server.inject({ method: 'POST', url: '/v2/models/digits-small/infer', headers: { authorization: `Bearer ${greedy}`, 'content-encoding': 'gzip' }, payload: Buffer.from('no gzip') });
  for (let round = 0; round < 2; round++) {
    const codes = (await Promise.all(Array.from({ length: 40 }, packed))).map((response) => response.json<{ code: string }>().code);
    expect(codes.filter((code) => code === 'overload').length).toBeGreaterThan(10);
    expect(codes.filter((code) => code === 'invalid_request').length).toBeGreaterThanOrEqual(12);
  }
});
