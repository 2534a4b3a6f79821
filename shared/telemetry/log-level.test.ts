import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startStatusServer, type StatusServer } from './http.ts';
import { createMetrics } from './metrics.ts';

const lines: string[] = [];
const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
let server: StatusServer;

beforeAll(async () => {
  server = await startStatusServer({ port: 0, metrics: createMetrics({ processMetrics: false }).registry, logger, state: () => 'running' });
});
afterAll(() => server.close());

function call(method: string, body?: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    const sent = request({ port: server.port, host: '127.0.0.1', path: '/log-level', method, headers: { ...length, ...headers } }, (response) => {
      void text(response).then((answer) => resolve({ status: response.statusCode ?? 0, text: answer.trim() }));
    });
    sent.on('error', reject).end(body);
  });
}

test('the level is changed while the process runs, and the change is logged', async () => {
  logger.debug('before');
  expect(await call('GET')).toEqual({ status: 200, text: 'info' });
  expect(await call('PUT', 'debug')).toEqual({ status: 200, text: 'debug' });
  logger.debug('after');
  expect(lines.join('')).not.toContain('"msg":"before"');
  expect(lines.join('')).toContain('"msg":"after"');
  expect(lines.join('')).toContain('the log level was changed');
});

test.each([
  ['PUT', 'loud', {}, 400], ['PUT', 'd'.repeat(100), {}, 400], ['PUT', undefined, { 'transfer-encoding': 'chunked' }, 400], ['DELETE', undefined, {}, 405],
  ['PUT', 'trace', { host: 'evil.example' }, 403],
] as const)('%s %s with %o is refused: %i', async (method, body, headers, status) => {
  expect(await call(method, body, headers)).toMatchObject({ status });
});
