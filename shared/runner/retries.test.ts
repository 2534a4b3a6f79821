import { DEAD_LETTER_HEADER, RETRY_HEADER, fixedTopics } from '@tandem/schemas';
import fc from 'fast-check';
import { afterEach, describe, expect, it, test, vi } from 'vitest';
import { TandemError } from '../errors/index.ts';
import type { LogRecord } from '../log/index.ts';
import { restoreRecord, retryRecord } from './retry-record.ts';
import { retryDelayMs } from './retry.ts';
import { away, cleanUp, harness, textOf, toTasks } from './testing.ts';

afterEach(cleanUp);

const NEVER_MS = 100_000_000;

/** Fails the first n times of each value that says so. */
function failing(times: Record<string, number>) {
  const tries = new Map<string, number>();
  return (record: LogRecord) => {
    const value = textOf(record);
    tries.set(value, (tries.get(value) ?? 0) + 1);
    if ((tries.get(value) ?? 0) <= (times[value] ?? 0)) throw away();
    return toTasks(value);
  };
}

describe('a record whose failure lasts', () => {
  it('goes to the retry topic and blocks nothing', async () => {
    const { start, send, read, committed } = await harness(failing({ bad: Infinity }), { retryDelayMs: () => NEVER_MS });
    const running = await start();
    const [tasks, retries] = [await read('tasks'), await read('retry.classifier')];
    await send(['bad', 'good'], { mine: 'kept' });
    await vi.waitFor(() => expect(tasks.map(textOf)).toEqual(['good']), 10_000);
    await vi.waitFor(async () => expect(await committed()).toBe(2), 10_000);
    expect(retries.map(textOf)).toEqual(['bad']);
    expect(retries[0]).toMatchObject({ key: 'k', partition: 0 });
    expect(retries[0]!.headers).toMatchObject({
      mine: 'kept', [RETRY_HEADER.topic]: 't.requests', [RETRY_HEADER.partition]: '0', [RETRY_HEADER.offset]: '0',
      [RETRY_HEADER.attempts]: '3', [RETRY_HEADER.deliveries]: '1',
    });
    expect(Number(retries[0]!.headers[RETRY_HEADER.notBefore])).toBeGreaterThan(retries[0]!.timestamp + NEVER_MS / 2);
    await running.stop();
  });

  it('is handled later as if it came from its own place', async () => {
    const seen: LogRecord[] = [];
    const handle = failing({ bad: 7 });
    const { start, send, read } = await harness((record) => {
      if (textOf(record) === 'bad') seen.push(record);
      return handle(record);
    }, { retryDelayMs: () => 5 });
    await start();
    const tasks = await read('tasks');
    await send(['bad'], { mine: 'kept' });
    await vi.waitFor(() => expect(tasks.map(textOf)).toEqual(['bad']), 5_000);
    expect(seen).toHaveLength(8);
    for (const record of seen) expect(record).toEqual(seen[0]);
    expect(seen[0]).toMatchObject({ topic: 't.requests', offset: 0, headers: { mine: 'kept' } });
  });

  it('is a dead letter in the end, with its last code, all its attempts and its own place', async () => {
    const { start, send, read } = await harness(() => {
      throw new TandemError('it crashes', { code: 'model_crash', retryable: true });
    }, { retryDelayMs: () => 1, maxDeliveries: 3, maxAttempts: 2 });
    await start();
    const [dead, retries] = [await read('dead-letters'), await read('retry.classifier')];
    await send(['bad']);
    await vi.waitFor(() => expect(dead).toHaveLength(1), 5_000);
    expect(retries).toHaveLength(2);
    expect(dead[0]).toMatchObject({ key: 't.requests/0/0' });
    expect(dead[0]!.headers).toEqual({
      [DEAD_LETTER_HEADER.sourceTopic]: 't.requests', [DEAD_LETTER_HEADER.sourcePartition]: '0', [DEAD_LETTER_HEADER.sourceOffset]: '0',
      [DEAD_LETTER_HEADER.sourceKey]: 'k', [DEAD_LETTER_HEADER.stage]: 'classifier', [DEAD_LETTER_HEADER.code]: 'model_crash',
      [DEAD_LETTER_HEADER.message]: 'it crashes', [DEAD_LETTER_HEADER.attempts]: '6', [DEAD_LETTER_HEADER.time]: expect.any(String) as string,
    });
  });

  it('is retried by the group that reads its topic, and by no other', async () => {
    const handle = failing({ a: 3, b: 3 });
    const seen: string[] = [];
    const inputs = [{ group: 'one', topics: ['t.requests'] }, { group: 'two', topics: ['t.requests.bulk'] }];
    const { start, send, read, log } = await harness((record) => {
      seen.push(`${record.topic} ${textOf(record)}`);
      return handle(record);
    }, { inputs, retryDelayMs: () => 1 });
    await start();
    const tasks = await read('tasks');
    await send(['a']);
    await send(['b'], {}, 'requests.bulk');
    await vi.waitFor(() => expect(tasks.map(textOf).toSorted()).toEqual(['a', 'b']), 5_000);
    expect(seen.toSorted()).toEqual([...Array<string>(4).fill('t.requests a'), ...Array<string>(4).fill('t.requests.bulk b')]);
    await vi.waitFor(async () => expect((await log.admin.committed('t.two', 't.retry.classifier'))[0]?.offset).toBe(2), 10_000);
  });

  it('is not put off beyond its deadline', async () => {
    let deadline = 0;
    const { start, send, read } = await harness((record) => {
      if (Date.now() < deadline) throw away();
      return toTasks(textOf(record));
    }, { retryDelayMs: () => NEVER_MS, deadlineOf: () => deadline });
    await start();
    const [tasks, retries] = [await read('tasks'), await read('retry.classifier')];
    deadline = Date.now() + 300;
    await send(['late']);
    await vi.waitFor(() => expect(tasks.map(textOf)).toEqual(['late']), 10_000);
    expect(retries).toEqual([]);
  });
});

describe('a stop', () => {
  it('does not wait for records that are not due, and others take them over', async () => {
    const handle = failing({ bad: 3 });
    const { start, send, read } = await harness(handle, { drainTimeoutMs: 60_000 });
    const [tasks, retries] = [await read('tasks'), await read('retry.classifier')];
    const first = await start({ retryDelayMs: () => 400 });
    await send(['bad']);
    await vi.waitFor(() => expect(retries).toHaveLength(1), 10_000);
    await vi.waitFor(() => expect(first.inFlight).toBe(1), 10_000);
    await first.stop();
    expect(tasks).toEqual([]);
    await start();
    await vi.waitFor(() => expect(tasks.map(textOf)).toEqual(['bad']), 5_000);
  });

  it('hands back what fails while it drains, instead of putting it off', async () => {
    const gate = Promise.withResolvers<undefined>();
    let stopped = false;
    const { start, send, read, committed } = await harness(async (record) => {
      if (stopped) return toTasks(textOf(record));
      await gate.promise;
      throw away();
    }, { drainTimeoutMs: 60_000, drain: async () => gate.resolve(undefined) });
    const first = await start();
    const [tasks, retries] = [await read('tasks'), await read('retry.classifier')];
    await send(['a']);
    await vi.waitFor(() => expect(first.inFlight).toBe(1), 10_000);
    await first.stop();
    expect([await committed(), retries.length]).toEqual([0, 0]);
    stopped = true;
    await start();
    await vi.waitFor(() => expect(tasks.map(textOf)).toEqual(['a']), 10_000);
  });
});

test('no more records wait in the process than may; the others wait in the log', async () => {
  const values = Array.from({ length: 12 }, (_, index) => `v${index}`);
  const { start, send, read } = await harness(failing(Object.fromEntries(values.map((value) => [value, 3]))), { retryDelayMs: () => 300, maxHeldRecords: 3 });
  const running = await start();
  const [tasks, retries] = [await read('tasks'), await read('retry.classifier')];
  await send(values);
  await vi.waitFor(() => expect(retries).toHaveLength(12), 10_000);
  await vi.waitFor(() => expect(running.inFlight).toBe(3), 10_000);
  await vi.waitFor(() => expect(tasks).toHaveLength(12), 10_000);
  await vi.waitFor(() => expect(running.inFlight).toBe(0), 10_000);
});

test('what is on the retry topic and is no retry becomes a dead letter', async () => {
  const { start, read, send } = await harness((record) => toTasks(textOf(record)));
  await start();
  const dead = await read('dead-letters');
  await send(['stray'], { [RETRY_HEADER.topic]: 't.requests', [RETRY_HEADER.partition]: '-1' }, 'retry.classifier');
  await vi.waitFor(() => expect(dead).toHaveLength(1), 10_000);
  expect(dead[0]).toMatchObject({ key: 't.retry.classifier/0/0', headers: { [DEAD_LETTER_HEADER.code]: 'invalid_record' } });
});

test('delays grow, stay within a quarter of what they should be, and end at two minutes', () => {
  const bounds = [1, 2, 3, 4, 5, 50].map((deliveries) => [retryDelayMs(deliveries, () => 0), retryDelayMs(deliveries, () => 0.5)]);
  expect(bounds).toEqual([[750, 1_000], [3_750, 5_000], [22_500, 30_000], [90_000, 120_000], [90_000, 120_000], [90_000, 120_000]]);
});

test('a record comes back from its retry record as it was', () => {
  const names = new Set<string>(Object.values(RETRY_HEADER));
  const headers = fc.dictionary(fc.string().filter((name) => !names.has(name) && name !== '__proto__'), fc.string());
  const number = fc.nat(999_999_999_999_999);
  const record = fc.record({
    topic: fc.string({ minLength: 1 }), partition: fc.nat(1_000), offset: number, timestamp: number, headers,
    key: fc.option(fc.string(), { nil: null }), value: fc.option(fc.uint8Array().map((bytes) => Buffer.from(bytes)), { nil: null }),
  });
  const state = fc.record({ attempts: fc.nat(1_000), deliveries: fc.nat(1_000), notBefore: number });
  fc.assert(fc.property(record, state, (original, at) => {
    const out = retryRecord('retry', original, at);
    expect(out.partition).toBe(original.partition);
    const { key, value, headers: written = {} } = out;
    const read: LogRecord = { topic: 'retry', partition: 0, offset: 1, timestamp: 2, key, value: value as Buffer | null, headers: written };
    expect(restoreRecord(read)).toEqual({ record: original, ...at });
  }));
});

test('a retry or dead letter of the largest record fits its topic', () => {
  const limits = new Map(fixedTopics({ prefix: '', partitions: 1 }).map(({ name, maxRecordBytes }) => [name, maxRecordBytes]));
  for (const topic of ['retry.classifier', 'retry.worker', 'retry.scheduler', 'retry.fusion', 'dead-letters']) {
    expect(limits.get(topic)! - limits.get('tasks')!).toBeGreaterThanOrEqual(32_768);
  }
});
