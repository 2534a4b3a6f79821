import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, inject, test } from 'vitest';
import { startFaultyProxy, type FaultyProxy } from '../conformance/cache-proxy.ts';
import { startTandem, type Draft, type RunningTandem } from '../support/system.ts';
import { until } from '../support/until.ts';

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const resource of opened.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
});

async function start(flags: Record<string, unknown> = {}): Promise<{ tandem: RunningTandem; proxy: FaultyProxy }> {
  const proxy = await startFaultyProxy(inject('redis'));
  opened.push(proxy);
  const tandem = await startTandem({ redis: `redis://127.0.0.1:${proxy.port}`, logLevel: 'silent', ...flags });
  return { tandem, proxy };
}

const request = (userId: string): Draft => ({ workload: 'recommend', userId, input: {}, hints: { task: 'coarse', deadlineMs: 20_000 } });
const interaction = (userId: string, itemId: string) => JSON.stringify({ userId, itemId, time: Date.now() });

describe('with the whole flow running', () => {
  test.each(['cut', 'hang'] as const)('Redis away (%s): answers keep coming, marked; when it is back, nothing that happened meanwhile is missing', async (how) => {
    const { tandem, proxy } = await start();
    opened.push(tandem);
    const { client } = tandem;
    const user = `user-${randomUUID()}`;
    await client.write('interactions', [interaction(user, '1')]);
    await until(async () => (await client.ask([request(user)]))[0]!.reason === undefined, { what: 'features' });
    proxy[how]();
    await client.write('interactions', [interaction(user, '260')]);
    const away = await client.ask(Array.from({ length: 20 }, () => request(user)));
    for (const answer of away) expect(answer).toMatchObject({ status: 'complete', reason: 'features_stale' });
    expect(client.deadLetters).toEqual([]);
    proxy.mend();
    const asOfBoth: Draft = { ...request(user), input: { asOfInteractions: 2 } };
    await until(async () => (await client.ask([asOfBoth]))[0]!.reason === undefined, { what: 'both interactions to be known' });
  });

  test('a stop with Redis away ends long before the drain time-out', async () => {
    const { tandem, proxy } = await start({ drainTimeoutMs: 600_000 });
    const { client } = tandem;
    proxy.cut();
    await client.write('interactions', Array.from({ length: 50 }, (_, index) => interaction(`user-${index % 5}`, '1')));
    await client.ask([request('somebody')]);
    await tandem[Symbol.asyncDispose]();
  });
});
