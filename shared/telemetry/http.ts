import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { Registry } from 'prom-client';
import { TandemError, messageOf } from '../errors/index.ts';
import type { LifecycleState } from '../lifecycle/index.ts';

export interface StatusServerOptions {
  port: number;
  /** @default '127.0.0.1' */
  host?: string;
  metrics: Registry;
  /** Ready means: consuming. Healthy means: not stopped. */
  state: () => LifecycleState;
}

export interface StatusServer {
  readonly port: number;
  close(): Promise<void>;
}

function answer(response: ServerResponse, ok: boolean, state: string): void {
  response.writeHead(ok ? 200 : 503, { 'content-type': 'application/json' }).end(JSON.stringify({ state }));
}

async function route(request: IncomingMessage, response: ServerResponse, options: StatusServerOptions): Promise<void> {
  const state = options.state();
  if (request.url === '/healthz') return answer(response, state !== 'stopped', state);
  if (request.url === '/readyz') return answer(response, state === 'running', state);
  if (request.url === '/metrics') {
    response.writeHead(200, { 'content-type': options.metrics.contentType }).end(await options.metrics.metrics());
    return;
  }
  response.writeHead(404).end();
}

/**
 * `/healthz`, `/readyz` and `/metrics` of one process. Port 0 takes a free one.
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
