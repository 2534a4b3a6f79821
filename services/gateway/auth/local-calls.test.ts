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
