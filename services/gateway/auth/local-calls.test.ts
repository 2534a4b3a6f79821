import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGatewayAndStages, type RunningGateway } from '../../../test/support/gateway.ts';

let running: RunningGateway;

beforeAll(async () => {
  running = await startGatewayAndStages({}, { stages: [] });
});
afterAll(async () => running[Symbol.asyncDispose]());

const ask = (headers: Record<string, string>) =>
  running.gateway.server.inject({ method: 'POST', url: '/v2/repository/index', headers: { host: 'localhost:8080', 'content-type': 'text/plain', ...headers }, payload: '{}' });

test.each([
  { origin: 'https://evil.example' }, { origin: 'null' }, { origin: 'https://localhost.evil.example' }, { 'sec-fetch-site': 'cross-site' },
  { host: 'evil.example' }, { 'x-forwarded-for': '203.0.113.7' }, { forwarded: 'for=203.0.113.7' },
])('without credentials nothing is done for %j', async (headers) => {
  expect((await ask(headers as Record<string, string>)).json()).toMatchObject({ status: 403, code: 'forbidden' });
});

test.each([{}, { origin: 'http://localhost:3000' }, { origin: 'http://[::1]:8080' }, { 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'none' }])('this machine is let in: %j', async (headers) => {
  expect((await ask(headers as Record<string, string>)).statusCode).toBe(200);
});

test('a proxy that asks itself is let in where credentials are off by choice, and no page of another site', async () => {
  const { server } = await running.another({ gatewayAuth: 'off' });
  const call = (headers: Record<string, string>) => server.inject({ method: 'POST', url: '/v2/repository/index', headers: { host: 'localhost', ...headers } });
  expect((await call({ 'x-forwarded-for': '203.0.113.7' })).statusCode).toBe(200);
  expect((await call({ origin: 'https://evil.example' })).statusCode).toBe(403);
});

test('where credentials are off by choice on every address, it answers to addresses and names without a dot, and to no name that a page of the web can have', async () => {
  const { server } = await running.another({ gatewayHost: '0.0.0.0', gatewayAuth: 'off' });
  const codes = async (hosts: string[]) => Promise.all(hosts.map(async (host) => (await server.inject({ method: 'POST', url: '/v2/repository/index', headers: { host } })).statusCode));
  expect(await codes(['localhost:8080', '127.0.0.1', '192.0.2.7:8080', '[::1]:8080', '[2001:db8::7]', 'gateway:8080', 'tandem_gateway-1'])).toEqual(Array.from({ length: 7 }, () => 200));
  expect(await codes(['evil.example', 'evil.example:8080', '127.0.0.1.evil.example', 'localhost.', '[::1].evil.example', '[evil]'])).toEqual(Array.from({ length: 6 }, () => 403));
  const rebound = await server.inject({ method: 'POST', url: '/v1/requests', headers: { host: 'evil.example' }, payload: {} });
  expect(rebound.json()).toMatchObject({ status: 403, code: 'forbidden', detail: expect.stringContaining('evil.example') });
});
