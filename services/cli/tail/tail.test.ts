import picocolors from 'picocolors';
import { fixedTopics, type Response } from '@tandem/schemas';
import { TandemError } from '@tandem/shared/errors';
import { createEmbeddedLog, type EventLog } from '@tandem/shared/log';
import { afterEach, describe, expect, it } from 'vitest';
import { follow, matches, responseLine, type FollowOptions } from './index.ts';

const TOPIC = 't.responses';
const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

const step = { step: 'fine', model: 'large', precision: 'int8', version: '1', batchSize: 8, queueMs: 2.25, computeMs: 12.4, reason: 'why' };
const response = (over: Partial<Response> = {}): Response =>
  ({ requestId: 'r1', workload: 'recommend', userId: '42', status: 'complete', final: true, sequence: 0, result: { items: [{ itemId: '7', score: 1 }] }, steps: [step], latencyMs: 14, time: 1_764_000_000_123, ...over });

async function topicWith(values: readonly string[]) {
  const log = createEmbeddedLog();
  cleanUps.push(() => log.close());
  await log.admin.ensureTopics(fixedTopics({ prefix: 't.', partitions: 2 }));
  const producer = await log.producer();
  const write = (texts: readonly string[], partition = 0) => producer.send(texts.map((value) => ({ topic: TOPIC, key: value, value, partition })));
  await write(values);
  const stop = new AbortController();
  const read = (over: Partial<FollowOptions>) => follow({ log, topic: TOPIC, start: 'earliest', signal: stop.signal, pauseMs: 1, ...over });
  return { log, write, stop, read };
}

async function texts(batches: AsyncIterable<readonly { value: Buffer | null }[]>, take = Infinity): Promise<string[]> {
  const all: string[] = [];
  for await (const batch of batches) {
    all.push(...batch.map(({ value }) => value!.toString()));
    if (all.length >= take) break;
  }
  return all;
}

describe('following a topic', () => {
  it('from its beginning ends with what was there, where it shall', async () => {
    const { read, write } = await topicWith(['a', 'b']);
    await write(['c'], 1);
    expect((await texts(read({ untilEnd: true }))).toSorted()).toEqual(['a', 'b', 'c']);
    expect(await texts(read({ untilEnd: true, partition: 1 }))).toEqual(['c']);
    expect(await texts(read({ untilEnd: true, start: 'latest' }))).toEqual([]);
  });

  it('goes on when the broker has been away, says so once, and misses nothing', async () => {
    const { log, read, write } = await topicWith(['old']);
    const { admin } = log;
    const away: string[] = [];
    let asked = 0;
    const offsets = async (topic: string) => {
      asked += 1;
      if (asked === 2) await write(['new']);
      if (asked === 2 || asked === 3) throw new TandemError('gone', { code: 'kafka_unreachable', retryable: true });
      return admin.offsets(topic);
    };
    const flaky = { ...log, admin: { ...admin, offsets }, read: log.read.bind(log) } as unknown as EventLog;
    expect(await texts(read({ log: flaky, onAway: ({ message }) => away.push(message) }), 2)).toEqual(['old', 'new']);
    expect(away).toEqual(['gone']);
  });

  it('ends with the error where the broker is away from the beginning, or the error does not pass', async () => {
    const { log, read } = await topicWith([]);
    const failing = (retryable: boolean) => ({ ...log, admin: { offsets: () => Promise.reject(new TandemError('gone', { code: 'kafka_unreachable', retryable })) } }) as unknown as EventLog;
    await expect(texts(read({ log: failing(true) }))).rejects.toThrow('gone');
    await expect(texts(read({ log: failing(false) }))).rejects.toThrow('gone');
  });

  it('shows what comes, once each, until it is stopped', async () => {
    const { read, write, stop } = await topicWith(['old']);
    const seen: string[] = [];
    for await (const batch of read({})) {
      seen.push(...batch.map(({ value }) => value!.toString()));
      if (seen.length === 1) await write(['x']).then(() => write(['y'], 1));
      if (seen.length === 3) break;
    }
    expect(seen).toEqual(['old', 'x', 'y']);
    const idle = texts(read({ start: 'latest' }));
    stop.abort();
    expect(await idle).toEqual([]);
  });

  it('from a time on passes over what is older', async () => {
    const { read } = await topicWith(['a']);
    expect(await texts(read({ untilEnd: true, start: { timestamp: Date.now() + 60_000 } }))).toEqual([]);
    expect(await texts(read({ untilEnd: true, start: { timestamp: Date.now() - 60_000 } }))).toEqual(['a']);
  });
});

describe('a filter', () => {
  it('takes what everything given is true of', () => {
    expect(matches(response(), {})).toBe(true);
    expect(matches(response(), { workload: 'recommend', user: '42', statuses: ['complete'], model: 'large', minLatencyMs: 14 })).toBe(true);
    expect(matches(response(), { model: 'large.int8' })).toBe(true);
    for (const wrong of [{ workload: 'x' }, { user: '4' }, { statuses: ['failed'] as const }, { model: 'large.fp32' }, { model: 'larg' }, { minLatencyMs: 14.5 }, { degraded: true }]) {
      expect(matches(response(), wrong)).toBe(false);
    }
    expect(matches(response({ status: 'degraded' }), { degraded: true })).toBe(true);
    expect(matches(response({ reason: 'unknown_user' }), { degraded: true })).toBe(true);
  });
});

describe('a line', () => {
  const plain = (over: Partial<Response>) => responseLine(response(over), picocolors.createColors(false));

  it('says what happened, on what, in how long, and what came out', () => {
    expect(plain({})).toBe('16:00:00.123  complete     14 ms  recommend  user 42  r1  large.int8 b8 2.3+12ms  7');
    expect(plain({ result: { label: '8', confidence: 0.912 }, steps: [{ ...step, cached: true }] })).toContain('large.int8 cached  8 (0.91)');
  });

  it('says why it is less than it should be, and what went wrong', () => {
    expect(plain({ status: 'degraded', reason: 'deadline' })).toContain('degraded     14 ms  recommend  user 42  r1  [deadline]');
    expect(plain({ status: 'failed', reason: 'step_failed', error: { code: 'model_crash', message: 'gone' }, result: undefined })).toContain('[step_failed, model_crash: gone]');
  });

  it('does not let a sender steer the terminal', () => {
    expect(plain({ requestId: 'r\u001b[2J', userId: '\u202e42' })).toContain('user \\u{202e}42  r\\u{1b}[2J');
  });
});
