import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../support/until.ts';
import { TcpProxy } from './tcp-proxy.ts';

/** A server that sends back what it gets, a proxy before it, and a client of the proxy. */
async function setUp() {
  const sockets = new Set<Socket>();
  const echo = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const proxy = await TcpProxy.start((echo.address() as AddressInfo).port);
  onTestFinished(async () => {
    await proxy[Symbol.asyncDispose]();
    for (const socket of sockets) socket.destroy();
    echo.close();
  });
  return { proxy, client: () => openClient(proxy.port) };
}

interface Client {
  socket: Socket;
  received: () => number;
  failure: () => string | undefined;
}

function openClient(port: number): Client {
  const socket = connect({ port, host: '127.0.0.1' });
  let bytes = 0;
  let code: string | undefined;
  socket.on('data', (chunk) => (bytes += chunk.length));
  socket.on('error', (error: NodeJS.ErrnoException) => (code = error.code));
  onTestFinished(() => void socket.destroy());
  return { socket, received: () => bytes, failure: () => code };
}

test('passes everything on while nothing is wrong, and the end of a connection too', async () => {
  const { proxy, client } = await setUp();
  const { socket, received } = client();
  socket.write(Buffer.alloc(3_000_000));
  await until(() => received() === 3_000_000);
  socket.end();
  await once(socket, 'close');
  await until(() => proxy.connections === 0);
});

test('a delay holds back each way', async () => {
  const { proxy, client } = await setUp();
  const { socket, received } = client();
  await once(socket, 'connect');
  proxy.shape({ delayMs: 150 });
  const startedAt = performance.now();
  socket.write('x');
  await until(() => received() === 1);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(299);
});

test('a throttle lets through so many bytes a second', async () => {
  const { proxy, client } = await setUp();
  const { socket, received } = client();
  await once(socket, 'connect');
  proxy.shape({ bytesPerSecond: 10_000 });
  const startedAt = performance.now();
  socket.write(Buffer.alloc(4_000));
  await until(() => received() === 4_000);
  socket.write('x');
  await until(() => received() === 4_001);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(399);
});

test('a cut resets connections, and new ones until it heals', async () => {
  const { proxy, client } = await setUp();
  const before = client();
  before.socket.write('x');
  await until(() => before.received() === 1);
  proxy.cut();
  await until(() => before.failure() === 'ECONNRESET');
  const during = client();
  await until(() => during.failure() === 'ECONNRESET');
  proxy.heal();
  const after = client();
  after.socket.write('x');
  await until(() => after.received() === 1);
});

test('a stall accepts and stays silent; what was held back arrives when it heals', async () => {
  const { proxy, client } = await setUp();
  const before = client();
  before.socket.write('x');
  await until(() => before.received() === 1);
  proxy.stall();
  const during = client();
  await once(during.socket, 'connect');
  before.socket.write('yz');
  during.socket.write('abc');
  await until(() => proxy.connections === 3);
  expect([before.received(), during.received(), before.failure(), during.failure()]).toEqual([1, 0, undefined, undefined]);
  proxy.heal();
  await until(() => before.received() === 3 && during.received() === 3);
});

test('closes a client whose server is away', async () => {
  const proxy = await TcpProxy.start(1);
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  const { socket } = openClient(proxy.port);
  await once(socket, 'close');
  await until(() => proxy.connections === 0);
});
