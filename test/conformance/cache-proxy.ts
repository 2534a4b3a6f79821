import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Stands between a client and a server, and can come between them. */
export interface FaultyProxy extends AsyncDisposable {
  readonly port: number;
  /** Breaks all connections and refuses new ones at once. */
  cut(): void;
  /** Accepts and keeps connections, and passes nothing on. */
  hang(): void;
  mend(): void;
}

/** @param target URL of the server; only host and port are used */
export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let state: 'open' | 'cut' | 'hung' = 'open';

  const watch = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    watch(client);
    if (state === 'cut') return client.destroy();
    if (state === 'hung') return client.pause();
    const upstream = connect(Number(port || 6_379), hostname);
    watch(upstream);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    client.on('data', (data) => state === 'open' && upstream.write(data));
    upstream.on('data', (data) => state === 'open' && client.write(data));
    return undefined;
  });
  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      state = 'cut';
      breakAll();
    },
    hang() {
      state = 'hung';
    },
    mend() {
      // What was swallowed meanwhile is lost, so connections from before cannot go on.
      breakAll();
      state = 'open';
    },
    async [Symbol.asyncDispose]() {
      breakAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
