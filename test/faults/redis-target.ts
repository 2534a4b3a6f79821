import { once } from 'node:events';
import { connect } from 'node:net';
import { startRedisServer, type RedisServer } from '../support/redis-server.ts';
import type { ServerProcess } from '../support/processes.ts';
import { stablePorts } from './stable-ports.ts';
import { TcpProxy } from './tcp-proxy.ts';

/** Redis behind a proxy; what it held is gone when it is killed. */
export class RedisTarget implements AsyncDisposable {
  readonly proxy: TcpProxy;
  readonly #port: number;
  readonly #onStarted: (server: ServerProcess) => void;
  #server: RedisServer | undefined;

  private constructor(port: number, proxy: TcpProxy, onStarted: (server: ServerProcess) => void) {
    this.#port = port;
    this.proxy = proxy;
    this.#onStarted = onStarted;
  }

  static async start(onStarted: (server: ServerProcess) => void): Promise<RedisTarget> {
    const [port = 0] = await stablePorts(1);
    const target = new RedisTarget(port, await TcpProxy.start(port), onStarted);
    await target.launch();
    return target;
  }

  /** Through the proxy. */
  get url(): string {
    return `redis://127.0.0.1:${this.proxy.port}`;
  }

  async launch(): Promise<void> {
    this.#server = await startRedisServer({ port: this.#port });
    this.#onStarted(this.#server.process);
  }

  /** As kill -9. */
  async kill(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  async flush(): Promise<void> {
    const socket = connect({ port: this.#port, host: '127.0.0.1' });
    try {
      await once(socket, 'connect');
      socket.write('FLUSHALL\r\n');
      await once(socket, 'data');
    } finally {
      socket.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.proxy[Symbol.asyncDispose]();
  }
}
