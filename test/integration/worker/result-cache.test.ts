import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Response } from '@tandem/schemas';
import { afterEach, expect, test } from 'vitest';
import { startRedisServer, type RedisServer } from '../../support/redis-server.ts';
import { startTandem, type Draft, type RunningTandem } from '../../support/system.ts';
import { until } from '../../support/until.ts';

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function redisServer(port?: number): Promise<RedisServer> {
  const server = await startRedisServer(port === undefined ? {} : { port });
  cleanUps.push(() => server.stop());
  return server;
}

/** The shipped workload, its results kept for so long. */
function workloadsWith(freshness: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-workloads-'));
  const recommend = JSON.parse(readFileSync(join(import.meta.dirname, '../../../workloads/recommend.json'), 'utf8')) as object;
  writeFileSync(join(folder, 'recommend.json'), JSON.stringify({ ...recommend, freshness }));
  return folder;
}

async function tandem(flags: Record<string, unknown>): Promise<RunningTandem> {
  const running = await startTandem({ logLevel: 'silent', workloads: workloadsWith('1 hour'), variants: 'recommend-large.fp32', policy: 'fixed', threads: '1', ...flags });
  cleanUps.push(async () => running[Symbol.asyncDispose]());
  return running;
}

const HISTORY = ['1', '260', '1196', '1210', '2028', '2571', '593', '608'];
const draft = (over: Partial<Draft> = {}, history = HISTORY): Draft =>
  ({ workload: 'recommend', userId: `user-${randomUUID()}`, input: { history, limit: 5 }, hints: { task: 'fine', activity: 0.5, deadlineMs: 60_000 }, ...over });
const cachedSteps = ({ steps }: Response) => steps.filter(({ cached }) => cached === true).length;

test('another worker finds a result in Redis, also after the one that computed it has gone, and an erased user’s no more', async () => {
  const redis = await redisServer();
  const prefix = `shared-${randomUUID().slice(0, 8)}.`;
  const userId = `user-${randomUUID()}`;
  const first = await tandem({ redis: redis.url, prefix });
  const [computed] = await first.client.ask([draft({ userId })]);
  expect(cachedSteps(computed!)).toBe(0);
  await cleanUps.pop()!();

  const { client } = await tandem({ redis: redis.url, prefix });
  const [found] = await client.ask([draft({ userId })]);
  expect(cachedSteps(found!)).toBe(1);
  expect(found!.result).toEqual(computed!.result);

  await client.write('interactions', [JSON.stringify({ erase: true, userId, time: Date.now() })]);
  await until(async () => cachedSteps((await client.ask([draft()]))[0]!) === 0, { what: 'the results of the erased user to be gone' });
});

test('Redis is killed and comes back empty: answers keep coming, right ones, from memory or computed', async () => {
  const redis = await redisServer();
  const { client } = await tandem({ redis: redis.url });
  const histories = Array.from({ length: 6 }, (_, index) => [...HISTORY, String(100 + index)]);
  const before = await client.ask(histories.map((history) => draft({}, history)));
  await redis.process.kill();
  const away = await client.ask([...histories, [...HISTORY, '300']].map((history) => draft({}, history)));
  expect(away.map(({ status }) => status)).toEqual(Array(7).fill('complete'));
  expect(away.slice(0, 6).map(({ result }) => result)).toEqual(before.map(({ result }) => result));
  expect(away.map(cachedSteps)).toEqual([1, 1, 1, 1, 1, 1, 0]);
  await redisServer(redis.port);
  const back = await client.ask(histories.map((history) => draft({}, history)));
  expect(back.map(({ result }) => result)).toEqual(before.map(({ result }) => result));
  expect(client.deadLetters).toEqual([]);
});
