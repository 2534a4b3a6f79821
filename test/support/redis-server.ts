import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort, startProcess, temporaryFolder, type ServerProcess } from './processes.ts';
import { until } from './until.ts';

export interface RedisServer {
  /** redis://host:port */
  readonly url: string;
  readonly port: number;
  readonly process: ServerProcess;
  stop(): Promise<void>;
}

export interface RedisServerOptions {
  /** @default a free one */
  port?: number;
  /** More arguments for redis-server. */
  args?: readonly string[];
}

/** Starts redis-server from the PATH, without persistence, and waits until it answers. */
export async function startRedisServer({ port, args = [] }: RedisServerOptions = {}): Promise<RedisServer> {
  const directory = temporaryFolder('tandem-redis-');
  const listenOn = port ?? (await freePort());
  const settings = ['--port', `${listenOn}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', directory];
  const server = startProcess('redis-server', [...settings, ...args], join(directory, 'redis.log'));
  await until(() => pings(listenOn), { everyMs: 50, what: () => `Redis to answer: ${server.output()}` });
  return {
    url: `redis://127.0.0.1:${listenOn}`,
    port: listenOn,
    process: server,
    async stop() {
      await server.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function pings(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write('PING\r\n'));
    const finish = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    // An error such as NOAUTH is an answer too.
    socket.once('data', () => finish(true));
    socket.once('error', () => finish(false));
  });
}
