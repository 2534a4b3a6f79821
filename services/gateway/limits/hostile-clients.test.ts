import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGatewayAndStages, type RunningGateway } from '../../../test/support/gateway.ts';

let running: RunningGateway;
let port: number;

beforeAll(async () => {
  running = await startGatewayAndStages({ gatewayHeaderTimeoutMs: 500, gatewayBodyTimeoutMs: 500, gatewayMaxWaiting: 5, gatewayMaxTensorBytes: 4_096 }, { stages: [] });
  port = Number(new URL(running.gateway.url).port);
});
afterAll(async () => running[Symbol.asyncDispose]());

/** Writes the parts, and reads until the gateway ends the connection. */
async function talk(...parts: string[]): Promise<string> {
  const socket: Socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => undefined);
  await once(socket, 'connect');
  for (const part of parts) socket.write(part);
  if (!socket.destroyed) await once(socket, 'close');
  return Buffer.concat(chunks).toString();
}

const head = 'POST /v1/requests HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';

test.each([
  ['headers that never end', [`GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-slow: `], 408, 'request_timeout'],
  ['a body that never comes', [`${head}content-length: 100\r\n\r\n{"workload"`], 408, 'request_timeout'],
  ['headers of 20 KiB', [`GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-large: ${'x'.repeat(20_000)}\r\n\r\n`], 431, 'headers_too_large'],
  ['what is not HTTP', ['\x16\x03\x01 hello\r\n\r\n'], 400, 'invalid_request'],
  ['two lengths', [`${head}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`], 400, 'invalid_request'],
  ['a length and chunks', [`${head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`], 400, 'invalid_request'],
  ['a body that announces too much', [`${head}content-length: 99999999\r\nconnection: close\r\n\r\n`], 413, 'too_large'],
])('%s are ended with %3$i %4$s', async (_what, parts, status, code) => {
  const answer = await talk(...parts);
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(answer).toContain(`"code":"${code}"`);
  expect(answer).not.toMatch(/node_modules|\.ts:/);
});

test('a batch that stands still ends with a line that says so', async () => {
  const answer = await talk('POST /v1/requests:batch HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n', '4\r\n{}\n\n\r\n');
  expect(answer).toContain('"code":"invalid_request"');
  expect(answer).toContain('"code":"request_timeout"');
});

test('chunks are counted too', async () => {
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
  expect(await talk(`${head}transfer-encoding: chunked\r\nconnection: close\r\n\r\n`, ...Array.from({ length: 17 }, () => chunk))).toContain('"code":"too_large"');
});

test('a compressed body is counted as it is when it is unpacked', async () => {
  const { gzipSync } = await import('node:zlib');
  const response = await running.gateway.server.inject({ method: 'POST', url: '/v2/models/digits-small/infer', headers: { host: 'localhost', 'content-encoding': 'gzip' }, payload: gzipSync(Buffer.alloc(1_000_000)) });
  expect(response.json()).toMatchObject({ status: 413, code: 'too_large' });
});

test('more requests than may wait are refused at once, with a time to come back', async () => {
  const body = { workload: 'recommend', input: {}, hints: { deadlineMs: 2_000 } };
  const waiting = Array.from({ length: 5 }, () => running.gateway.server.inject({ method: 'POST', url: '/v1/requests', headers: { host: 'localhost' }, payload: body }));
  const refusals = await Promise.all(Array.from({ length: 3 }, async (_, index) => {
    await new Promise((resolve) => setImmediate(resolve));
    return running.gateway.server.inject({ method: 'POST', url: '/v1/requests', headers: { host: 'localhost' }, payload: { ...body, requestId: `late-${index}` } });
  }));
  expect(refusals.map((response) => response.json<{ code: string }>().code)).toEqual(['overload', 'overload', 'overload']);
  expect(refusals[0]!.headers['retry-after']).toBe('1');
  // Nobody answers here: no stage runs.
  for (const response of await Promise.all(waiting)) expect(response.json()).toMatchObject({ status: 504, code: 'no_answer' });
});
