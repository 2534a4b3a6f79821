import { randomUUID } from 'node:crypto';
import { expect, inject, test } from 'vitest';
import { loadSettings } from '@tandem/shared/config';
import { openPorts } from '../../services/cli/compose/ports.ts';
import { startCommand } from '../support/cluster.ts';
import { garbage } from '../support/garbage.ts';
import { freePort } from '../support/processes.ts';
import { Client } from '../support/system.ts';
import { until } from '../support/until.ts';

const MARK = 'PAYLOAD4711';

/** What a sender would not like to see in a log, in every place where one can put something. */
const REQUESTS: readonly object[] = [
  { userId: MARK, input: { history: ['1', '2'] } },
  { userId: MARK, input: { history: [MARK] } },
  { key: MARK, input: { history: MARK } },
  { userId: MARK, workload: MARK, input: {} },
  { userId: MARK, input: { candidates: [MARK, '1'], [MARK]: MARK } },
];

test('even the most talkative log holds nothing that senders have sent', async () => {
  const prefix = `test-${randomUUID().slice(0, 8)}.`;
  const port = await freePort();
  await using demo = startCommand(['demo', '--events', '0', '--serve', '--kafka', inject('kafka'), '--prefix', prefix, '--http-port', String(port), '--threads', '1', '--log-level', 'info']);
  const address = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(`${address}/readyz`).catch(() => undefined))?.status === 200, { timeoutMs: 80_000, what: () => demo.log() });
  expect((await fetch(`${address}/log-level`, { method: 'PUT', body: 'trace' })).status).toBe(200);
  await using ports = await openPorts(loadSettings({ flags: { kafka: inject('kafka'), prefix, logLevel: 'error' } }), 'test');
  const client = await Client.connect(ports, prefix);
  await client.ask(REQUESTS.map((request) => ({ workload: 'recommend', hints: { deadlineMs: 60_000 }, ...request }) as Parameters<Client['ask']>[0][number]));
  await client.write('requests', [`{${MARK}`, ...garbage(20).map(({ value }) => value)]);
  await client.write('interactions', [`{${MARK}`, JSON.stringify({ userId: MARK, itemId: MARK, time: MARK }), JSON.stringify({ userId: MARK, itemId: '1', time: '2026-01-01T00:00:00Z' })]);
  await until(() => client.deadLetters.length >= 3, { what: () => `dead letters, got ${client.deadLetters.length}` });
  await until(() => demo.log().includes('dead letter'), { what: () => `lines of the level trace: ${demo.log()}` });
  expect(await demo.stop()).toBe(0);
  expect(demo.log()).not.toContain(MARK);
}, 150_000);
