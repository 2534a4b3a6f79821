import { fixedTopics, type ErrorCode } from '@tandem/schemas';
import { answersOwner } from '@tandem/gateway';
import { createMemoryCache, userHash, type Cache } from '@tandem/shared/cache';
import { createEmbeddedLog, type LogRecord } from '@tandem/shared/log';
import { deadLetter } from '@tandem/shared/runner';
import { resultsOwner } from '@tandem/worker';
import { afterEach, describe, expect, it } from 'vitest';
import { scanLetters } from '@tandem/shared/dead-letters';
import { eraseUser } from './index.ts';
import { mentions } from './mentions.ts';

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

const NOW = 1_800_000_000_000;
const DAY_MS = 86_400_000;

async function harness() {
  const log = createEmbeddedLog();
  cleanUps.push(() => log.close());
  const topics = fixedTopics({ prefix: 't.', partitions: 3 });
  await log.admin.ensureTopics(topics);
  const producer = await log.producer();
  const cache: Cache = Object.assign(createMemoryCache(), { shared: true });
  const bury = (offset: number, value: unknown, code: ErrorCode = 'internal') => {
    const record: LogRecord = { topic: 't.requests', partition: 0, offset, key: null, value: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), headers: {}, timestamp: 0 };
    return producer.send([deadLetter('t.', record, { stage: 'classifier', code, message: 'why', attempts: 1, time: 1 })]);
  };
  const letters = async () => {
    const keys: string[] = [];
    for await (const { key } of scanLetters({ log, topic: 't.dead-letters' })) keys.push(key);
    return keys.toSorted();
  };
  const erase = (over: Partial<Parameters<typeof eraseUser>[0]> = {}) =>
    eraseUser({ log, producer, cache, prefix: 't.', topics, userId: 'ann', now: NOW, dryRun: false, ...over });
  return { log, cache, bury, letters, erase };
}

describe('an erasure', () => {
  it('is published on every partition of the interactions', async () => {
    const { log, erase } = await harness();
    expect(await erase()).toMatchObject({ partitions: 3 });
    for (const partition of [0, 1, 2]) {
      for await (const batch of log.read({ topic: 't.interactions', partition })) {
        expect(batch.map(({ value }) => JSON.parse(value!.toString()) as unknown)).toEqual([{ erase: true, userId: 'ann', time: NOW }]);
      }
    }
  });

  it('deletes the user’s features from the shared cache, and nobody else’s', async () => {
    const { cache, erase } = await harness();
    for (const user of ['ann', 'bob']) await cache.append(`features:${user}`, '1:x', { limit: 5, source: 's', offset: 1 });
    expect(await erase()).toMatchObject({ cache: true });
    expect((await cache.list('features:ann')).total).toBe(0);
    expect((await cache.list('features:bob')).total).toBe(1);
  });

  it.each([['results', resultsOwner], ['answers', answersOwner]])('deletes the user’s cached %s, and nobody else’s', async (_kind, owner) => {
    const { cache, erase } = await harness();
    for (const user of ['ann', 'bob']) await cache.set(`of ${user}`, 'v', { owner: owner(userHash(user)) });
    await erase();
    expect(await cache.get('of ann')).toBeUndefined();
    expect(await cache.get('of bob')).toBe('v');
  });

  it('deletes the dead letters that hold the user', async () => {
    const { bury, letters, erase } = await harness();
    await bury(1, { requestId: 'r', userId: 'ann' });
    await bury(2, { requestId: 'r', userId: 'bob', input: { note: 'ann' } });
    await bury(3, { kind: 'failed', task: { userId: 'ann' } });
    await bury(4, '{"userId":"ann", broken', 'invalid_json');
    await bury(5, 'anna', 'invalid_json');
    for (let i = 10; i < 450; i += 1) await bury(i, { userId: 'ann', i });
    expect((await erase()).deadLetters).toEqual({ read: 445, erased: 443 });
    expect(await letters()).toEqual(['t.requests/0/2', 't.requests/0/5']);
  });

  it('of a dry run changes nothing and says what it would do', async () => {
    const { log, cache, bury, letters, erase } = await harness();
    await cache.append('features:ann', '1:x', { limit: 5, source: 's', offset: 1 });
    await bury(1, { userId: 'ann' });
    expect(await erase({ dryRun: true })).toMatchObject({ dryRun: true, partitions: 3, deadLetters: { read: 1, erased: 1 } });
    expect((await log.admin.offsets('t.interactions')).map(({ latest }) => latest)).toEqual([0, 0, 0]);
    expect((await cache.list('features:ann')).total).toBe(1);
    expect(await letters()).toHaveLength(1);
  });

  it('says until when each topic still holds something', async () => {
    const { erase } = await harness();
    const remains = new Map((await erase()).remains.map(({ topic, until }) => [topic, (until - NOW) / DAY_MS]));
    expect(remains.get('t.interactions')).toBe(30);
    expect(remains.get('t.responses')).toBe(2);
    expect(remains.get('t.dead-letters')).toBe(1);
    expect(remains.get('t.retry.worker')).toBe(2);
    expect(remains.has('t.telemetry')).toBe(false);
  });
});

describe('a dead letter', () => {
  const of = (value: string | Buffer | null, sourceKey: string | null = null) => ({ value: typeof value === 'string' ? Buffer.from(value) : value, sourceKey });
  it.each([
    ['names the user', of('{"userId":"ann"}'), true],
    ['writes the user with escapes', of('{"userId":"\\u0061nn"}'), true],
    ['has the user deep inside', of('[{"a":{"b":[{"userId":"ann"}]}}]'), true],
    ['only mentions the text', of('{"userId":"bob","note":"ann"}'), false],
    ['has another user whose id begins alike', of('{"userId":"anna"}'), false],
    ['is not JSON and holds the id', of('{"userId":"ann"'), true],
    ['is not JSON and was keyed by the user', of(Buffer.from([0xff]), 'ann'), true],
    ['has no value and was keyed by the user', of(null, 'ann'), true],
    ['has no value', of(null), false],
  ])('that %s: %s', (_name, letter, expected) => {
    expect(mentions(letter, 'ann')).toBe(expected);
  });
});
