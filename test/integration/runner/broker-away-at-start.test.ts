import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, inject, onTestFinished, test } from 'vitest';
import { startCommand } from '../../support/cluster.ts';
import { freePort } from '../../support/processes.ts';
import { until } from '../../support/until.ts';

const startFusion = (port: number) =>
  startCommand(['stage', 'fusion', '--kafka', `127.0.0.1:${port}`, '--prefix', `test-${randomUUID().slice(0, 8)}.`, '--http-port', '0']);

/** Where nothing has listened until now, a broker does from now on. */
async function openWay(port: number): Promise<void> {
  const [host = '', target] = inject('kafka').split(',')[0]?.split(':') ?? [];
  const server = createServer((socket) => {
    const broker = connect(Number(target), host);
    socket.pipe(broker).pipe(socket);
    for (const side of [socket, broker]) side.on('error', () => [socket, broker].forEach((each) => each.destroy()));
  }).listen(port, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
}

test('a stage that starts before its broker says what it waits for, and runs when the broker is there', { timeout: 180_000 }, async () => {
  const port = await freePort();
  await using stage = startFusion(port);
  await until(() => stage.log().includes('waiting for the broker'), { timeoutMs: 90_000, what: stage.log });
  await openWay(port);
  await until(() => stage.log().includes('"running"'), { timeoutMs: 90_000, what: stage.log });
  expect(await stage.stop()).toBe(0);
});

test('a stage that waits for its broker ends when it is told to', { timeout: 120_000 }, async () => {
  await using stage = startFusion(await freePort());
  await until(() => stage.log().includes('waiting for the broker'), { timeoutMs: 90_000, what: stage.log });
  expect(await stage.stop()).toBe(1);
  expect(stage.log()).toContain('kafka_unreachable');
});
