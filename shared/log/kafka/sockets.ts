import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactoryArgs } from 'kafkajs';

const KEEP_ALIVE_MS = 60_000;

/**
 * All connections of a log. kafkajs reconnects in the middle of retries, also after it was told to disconnect; such a
 * connection would keep the process alive until the broker drops it ten minutes later. Here it ends with the log.
 */
export class Sockets {
  readonly #open = new Set<Socket>();
  #closed = false;

  /** kafkajs' socket factory. */
  readonly create = ({ host, port, ssl, onConnect }: ISocketFactoryArgs): Socket => {
    if (this.#closed) throw new Error('the log is closed');
    const servername = isIP(host) === 0 ? { servername: host } : {};
    // kafkajs passes false or nothing where there is no TLS.
    const secure = ssl as ISocketFactoryArgs['ssl'] | false | undefined;
    const socket = secure ? connectTls({ host, port, ...servername, ...secure }, onConnect) : connectTcp({ host, port }, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    // kafkajs may end a socket that is dead already many times, each of which leaves a listener behind.
    socket.setMaxListeners(0);
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  };

  close(): void {
    this.#closed = true;
    for (const socket of this.#open) socket.destroy(new Error('the log is closed'));
  }
}
