import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { Registry } from 'prom-client';
import { TandemError, messageOf } from '../errors/index.ts';
import type { LifecycleState } from '../lifecycle/index.ts';
import { expose } from './exposition.ts';
import { LOG_LEVELS, type Logger } from './logger.ts';

/** What a process tells of itself over HTTP, and where. */
export interface StatusServerOptions {
  port: number;
  /** @default '127.0.0.1' */
  host?: string;
  metrics: Registry;
  /** Its level can be read and changed at /log-level, from this machine alone. @default it cannot */
  logger?: Logger;
  /** Ready means: consuming. Healthy means: not stopped. */
  state: () => LifecycleState;
}

/** Serves /healthz, /readyz, /metrics and /log-level. */
export interface StatusServer {
  readonly port: number;
  close(): Promise<void>;
}

const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/;
/** A page in a browser on this machine may have had a name of its own resolved to this address. */
const LOCAL_NAME = /^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?$/;
const LONGEST_LEVEL = 16;

function answer(response: ServerResponse, ok: boolean, state: string): void {
  response.writeHead(ok ? 200 : 503, { 'content-type': 'application/json' }).end(JSON.stringify({ state }));
}

async function route(request: IncomingMessage, response: ServerResponse, options: StatusServerOptions): Promise<void> {
  const state = options.state();
  if (request.url === '/healthz') return answer(response, state !== 'stopped', state);
  if (request.url === '/readyz') return answer(response, state === 'running', state);
  if (request.url === '/metrics') {
    const { contentType, text: body } = await expose(options.metrics, request.headers.accept);
    response.writeHead(200, { 'content-type': contentType }).end(body);
    return;
  }
  if (request.url === '/log-level' && options.logger !== undefined) return logLevel(request, response, options.logger);
  response.writeHead(404).end();
}

async function logLevel(request: IncomingMessage, response: ServerResponse, logger: Logger): Promise<void> {
  const isLocal = LOOPBACK.test(request.socket.remoteAddress ?? '') && LOCAL_NAME.test(request.headers.host ?? '');
  if (!isLocal) return plain(response, 403, 'the log level is for this machine alone: ask 127.0.0.1 there');
  if (request.method === 'GET') return plain(response, 200, logger.level);
  if (request.method !== 'PUT') return plain(response, 405, 'GET or PUT');
  if (Number(request.headers['content-length'] ?? Infinity) > LONGEST_LEVEL) return plain(response, 400, `one of ${LOG_LEVELS.join(', ')}`);
  const level = (await text(request)).trim();
  if (!LOG_LEVELS.includes(level)) return plain(response, 400, `one of ${LOG_LEVELS.join(', ')}`);
  const before = logger.level;
  logger.level = level;
  logger.info({ before, level }, 'the log level was changed');
  plain(response, 200, level);
}

function plain(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${body}\n`);
}

/**
 * `/healthz`, `/readyz`, `/metrics` and `/log-level` of one process. Port 0 takes a free one.
 * @throws {TandemError} `http_port` when the port is taken
 */
export async function startStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const server: Server = createServer((request, response) => {
    route(request, response, options).catch(() => response.writeHead(500).end());
  });
  const host = options.host ?? '127.0.0.1';
  server.listen(options.port, host);
  await once(server, 'listening').catch((error: unknown) => {
    const message = `${host}:${options.port} cannot be listened on (${messageOf(error)}): choose another --http-port, or 0 for a free one`;
    throw new TandemError(message, { code: 'http_port', cause: error });
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
