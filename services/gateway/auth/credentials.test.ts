import { createServer } from 'node:http';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import { HEADER, topicName, type Request } from '@tandem/schemas';
import { TandemError } from '@tandem/shared/errors';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGatewayAndStages, type RunningGateway } from '../../../test/support/gateway.ts';
import { ApiKeys, createApiKey } from './api-keys.ts';
import { addApiKey, removeApiKey } from './key-file.ts';

const grant = { name: 'shop', tenant: 'acme', tier: 'vip', scopes: ['send'] } as const;
const draft = { ...grant, scopes: [...grant.scopes] };
const body = { workload: 'recommend', input: { limit: 2 }, hints: { tier: 'claimed', deadlineMs: 60_000 } };

describe('API keys', () => {
  const now = new Date('2026-01-01T00:00:00Z');

  test('have 256 random bits and are kept as their hash alone', () => {
    const { key, entry } = createApiKey(draft, now);
    expect(Buffer.from(key.split('_').slice(2).join('_'), 'base64url')).toHaveLength(32);
    expect(JSON.stringify(entry)).not.toContain(key.slice(20));
    expect(new ApiKeys([entry]).find(key, now.getTime())).toMatchObject({ tenant: 'acme', tier: 'vip' });
  });

  test('with any other character are not valid', () => {
    const { key, entry } = createApiKey(draft, now);
    const keys = new ApiKeys([entry]);
    for (let at = 0; at < key.length; at++) {
      const other = key[at] === 'a' ? 'b' : 'a';
      expect(keys.find(key.slice(0, at) + other + key.slice(at + 1), now.getTime())).toBeUndefined();
    }
    expect(keys.find(`${key}a`, now.getTime())).toBeUndefined();
  });

  test('end when they expire', () => {
    const { key, entry } = createApiKey({ ...draft, expiresAt: '2026-01-02T00:00:00Z' }, now);
    const keys = new ApiKeys([entry]);
    expect(keys.find(key, Date.parse('2026-01-01T23:59:59Z'))).toBeDefined();
    expect(keys.find(key, Date.parse('2026-01-02T00:00:00Z'))).toBeUndefined();
  });
});

describe('a gateway that asks for credentials', () => {
  let folder: string;
  let file: string;
  let running: RunningGateway;
  let sender: string;
  let closeIssuer: () => void;
  let sign: (claims: JWTPayload, over?: { issuer?: string; audience?: string; expires?: string; foreign?: boolean; without?: 'exp' | 'sub' }) => Promise<string>;

  const call = (credential: string | undefined, over: { method?: 'GET' | 'POST'; url?: string; payload?: object; headers?: Record<string, string> } = {}) =>
    running.gateway.server.inject({
      method: over.method ?? 'POST', url: over.url ?? '/v1/requests', payload: over.payload ?? body,
      headers: { prefer: 'respond-async', ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }), ...over.headers },
    });

  /** The records that have been written. */
  async function written() {
    const records: { value: Request; headers: Readonly<Record<string, string>> }[] = [];
    for (let partition = 0; partition < running.settings.partitions; partition++) {
      for await (const batch of running.ports.log.read({ topic: topicName(running.settings.prefix, 'requests'), partition })) {
        records.push(...batch.map(({ value, headers }) => ({ value: JSON.parse(String(value)) as Request, headers })));
      }
    }
    return records;
  }

  async function startIssuer(): Promise<string> {
    const [own, foreign] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')]);
    const jwk = { ...(await exportJWK(own.publicKey)), kid: 'k1', alg: 'ES256' };
    const server = createServer((_request, response) => response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] })));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closeIssuer = () => void server.close();
    sign = (claims, { issuer = 'https://issuer.example', audience = 'tandem', expires = '5m', foreign: isForeign = false, without } = {}) => {
      const token = new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).setIssuer(issuer).setAudience(audience);
      if (without !== 'sub') token.setSubject('someone');
      if (without !== 'exp') token.setExpirationTime(expires);
      return token.sign(isForeign ? foreign.privateKey : own.privateKey);
    };
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gateway-keys-'));
    file = join(folder, 'keys.json');
    sender = (await addApiKey(file, draft)).key;
    running = await startGatewayAndStages({
      gatewayAuth: 'on', gatewayKeysFile: file, gatewayJwksUrl: await startIssuer(), gatewayJwtIssuer: 'https://issuer.example', gatewayJwtAudience: 'tandem',
    }, { stages: [] });
  });
  afterAll(async () => {
    await running[Symbol.asyncDispose]();
    closeIssuer();
    await rm(folder, { recursive: true });
  });

  test.each([undefined, 'nonsense', 'tandem_000000000000_', 'a.b.c'])('lets nobody in with %s', async (credential) => {
    const response = await call(credential);
    expect(response.json()).toMatchObject({ status: 401, code: 'unauthenticated' });
    expect(response.headers['www-authenticate']).toContain('Bearer');
  });

  test('takes tenant and tier from the key, whatever the body says', async () => {
    const accepted = await call(sender);
    expect(accepted.statusCode).toBe(202);
    const { requestId } = accepted.json<{ requestId: string }>();
    const record = (await written()).find(({ value }) => value.requestId === `acme/${requestId}`);
    expect(record).toMatchObject({ value: { hints: { tier: 'vip' } }, headers: { [HEADER.tenant]: 'acme' } });
  });

  test('keeps tenants’ request ids apart', async () => {
    const other = (await addApiKey(file, { ...draft, tenant: 'other' })).key;
    await expect.poll(async () => (await call(other, { method: 'GET', url: '/v1/requests/none' })).statusCode, { timeout: 15_000 }).toBe(404);
    await call(sender, { payload: { ...body, requestId: 'same' } });
    expect((await call(other, { method: 'GET', url: '/v1/requests/same' })).json()).toMatchObject({ code: 'unknown_request' });
    expect((await call(sender, { method: 'GET', url: '/v1/requests/same' })).statusCode).toBe(202);
  });

  test('lets nobody do what the scope does not say', async () => {
    expect((await call(sender, { method: 'GET', url: '/v1/stream' })).json()).toMatchObject({ status: 403, code: 'forbidden' });
    expect((await call(sender, { method: 'GET', url: '/v2/models/digits-small' })).json()).toMatchObject({ status: 403, code: 'forbidden' });
    expect((await call(sender, { url: '/v2/repository/models/x/load' })).json()).toMatchObject({ status: 403, code: 'forbidden' });
  });

  test('lets a key that may only read send nothing', async () => {
    const { key } = await addApiKey(file, { ...draft, name: 'reader', scopes: ['read'] });
    await expect.poll(async () => (await call(key, { method: 'GET', url: '/v2/models/digits-small' })).statusCode, { timeout: 15_000 }).toBe(200);
    for (const url of ['/v1/requests', '/v1/requests:batch', '/v1/interactions', '/v2/models/digits-small/infer']) {
      expect((await call(key, { url })).json(), url).toMatchObject({ status: 403, code: 'forbidden', detail: expect.stringContaining('send') });
    }
  });

  test('takes a key by X-API-Key as well', async () => {
    expect((await call(undefined, { headers: { 'x-api-key': sender } })).statusCode).toBe(202);
    expect((await call(undefined, { headers: { 'x-api-key': `${sender}a` } })).json()).toMatchObject({ status: 401, code: 'unauthenticated' });
  });

  test('lets a key in as soon as it is in the file, and out as soon as it is not', async () => {
    const { key, entry } = await addApiKey(file, { ...draft, name: 'short-lived' });
    await expect.poll(async () => (await call(key)).statusCode, { timeout: 15_000 }).toBe(202);
    await removeApiKey(file, entry.id);
    await expect.poll(async () => (await call(key)).statusCode, { timeout: 15_000 }).toBe(401);
    expect((await stat(file)).mode & 0o077).toBe(0);
    expect(await readFile(file, 'utf8')).not.toContain(sender.slice(20));
  });

  test('ends a stream and a batch once their key is not in the file any more', { timeout: 30_000 }, async () => {
    const { key, entry } = await addApiKey(file, { ...draft, name: 'follower', scopes: ['read', 'send'] });
    await expect.poll(async () => (await call(key)).statusCode, { timeout: 15_000 }).toBe(202);
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson' };
    const endless = new ReadableStream({ pull: async (stream) => new Promise((resolve) => setTimeout(resolve, 500)).then(() => stream.enqueue(Buffer.from('{}\n'))) });
    const answers = await Promise.all([
      fetch(`${running.gateway.url}/v1/stream`, { headers }),
      fetch(`${running.gateway.url}/v1/requests:batch`, { method: 'POST', headers, body: endless, duplex: 'half' }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    await removeApiKey(file, entry.id);
    for (const answer of answers) await expect(answer.text()).rejects.toThrow();
  });

  test('takes a token of its issuer, with the tenant, tier and scopes of its claims', async () => {
    const accepted = await call(await sign({ tenant: 'jwt-tenant', tier: 'gold', scope: 'openid tandem:send' }));
    expect(accepted.statusCode).toBe(202);
    const { requestId } = accepted.json<{ requestId: string }>();
    expect((await written()).find(({ value }) => value.requestId === `jwt-tenant/${requestId}`)).toMatchObject({ value: { hints: { tier: 'gold' } } });
    expect((await call(await sign({ tenant: 'jwt-tenant', scope: 'openid' }))).json()).toMatchObject({ code: 'forbidden' });
  });

  test('takes no token of another issuer, for another audience, too old, without an end, a subject or a tenant, or signed by another', async () => {
    const claims = { tenant: 't', scope: 'send' };
    const tokens = await Promise.all([
      sign(claims, { issuer: 'https://other.example' }), sign(claims, { audience: 'other' }), sign(claims, { expires: '-1m' }), sign(claims, { without: 'exp' }), sign(claims, { without: 'sub' }), sign({ scope: 'send' }),
      sign({ ...claims, tenant: '../x' }), sign(claims, { foreign: true }),
      Promise.resolve(`${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ ...claims, sub: 'x', iss: 'https://issuer.example', aud: 'tandem', exp: 9e9 })).toString('base64url')}.`),
    ]);
    for (const token of tokens) expect((await call(token)).json()).toMatchObject({ code: 'unauthenticated' });
  });

  test('asks nobody who only wants to know whether it is there', async () => {
    for (const url of ['/healthz', '/readyz', '/v2/health/live', '/v2/health/ready', '/openapi.json']) expect((await call(undefined, { method: 'GET', url })).statusCode).toBe(200);
  });

  test('refuses what is more than the key’s rate, and says so in the standard headers', async () => {
    const { key } = await addApiKey(file, { ...draft, name: 'slow', ratePerSecond: 2 });
    await expect.poll(async () => (await call(key)).statusCode, { timeout: 15_000 }).toBe(202);
    const answers = await Promise.all(Array.from({ length: 30 }, () => call(key)));
    const refused = answers.find(({ statusCode }) => statusCode === 429)!;
    expect(refused.json()).toMatchObject({ code: 'rate_limited' });
    expect(refused.headers).toMatchObject({ 'ratelimit-limit': '2', 'ratelimit-remaining': '0', 'retry-after': '1', 'ratelimit-reset': '1' });
    expect((await call(sender)).statusCode).toBe(202);
  });

  test('has a rate for each tier, which a key’s own goes before', async () => {
    const keyOf = async (tier: string, ratePerSecond?: number) => (await addApiKey(file, { ...draft, name: tier, tier, ...(ratePerSecond === undefined ? {} : { ratePerSecond }) })).key;
    const keys = [await keyOf('vip'), await keyOf('standard'), await keyOf('vip', 7), await keyOf('other'), await keyOf('constructor')];
    const { server } = await running.another({ gatewayRates: 'vip:5000,standard:200' });
    const limits = await Promise.all(keys.map(async (key) => (await server.inject({ url: '/v1/requests/none', headers: { authorization: `Bearer ${key}` } })).headers['ratelimit-limit']));
    expect(limits).toEqual(['5000', '200', '7', '1000', '1000']);
  });

  test('counts each line of a batch', async () => {
    const { key } = await addApiKey(file, { ...draft, name: 'slow batch', ratePerSecond: 2 });
    await expect.poll(async () => (await call(key)).statusCode, { timeout: 15_000 }).toBe(202);
    const line = JSON.stringify({ ...body, hints: { deadlineMs: 100 } });
    const response = await running.gateway.server.inject({ method: 'POST', url: '/v1/requests:batch', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson' }, payload: Array.from({ length: 50 }, () => line).join('\n') });
    const codes = response.payload.trim().split('\n').map((text) => (JSON.parse(text) as { problem: { code: string } }).problem.code);
    expect(codes).toHaveLength(50);
    expect(codes.filter((code) => code === 'rate_limited').length).toBeGreaterThan(20);
  });
});

test.each([
  [{ gatewayHost: '0.0.0.0' }, 'gateway_credentials'], [{ gatewayAuth: 'on' }, 'gateway_credentials'],
  [{ gatewayAuth: 'on', gatewayJwksUrl: 'https://x.example/jwks' }, 'gateway_credentials'], [{ gatewayAuth: 'on', gatewayKeysFile: '/nonexistent/keys.json' }, 'gateway_credentials'],
  [{ gatewayAuth: 'on', gatewayJwksUrl: 'issuer', gatewayJwtIssuer: 'x', gatewayJwtAudience: 'x' }, 'gateway_credentials'],
  [{ gatewayRateStore: 'shared' }, 'settings_invalid'],
])('a gateway with %j does not start', async (flags, code) => {
  const running = await startGatewayAndStages({}, { stages: [] });
  try {
    const error: unknown = await running.another(flags).catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(TandemError);
    expect((error as TandemError).code).toBe(code);
  } finally {
    await running[Symbol.asyncDispose]();
  }
});
