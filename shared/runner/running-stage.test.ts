import { afterEach, expect, test, vi } from 'vitest';
import { DEAD_LETTER_HEADER, HEADER } from '@tandem/schemas';
import { RecordError, TandemError } from '../errors/index.ts';
import type { OutgoingRecord } from '../log/index.ts';
import { readRecord } from './index.ts';
import { away as cacheAway, cleanUp, harness, textOf, toTasks } from './testing.ts';

afterEach(cleanUp);

test('outputs are written, headers carried, and the input committed', async () => {
  const { start, send, read, committed } = await harness((record) => toTasks(`${textOf(record)}!`));
  const running = await start();
  const tasks = await read('tasks');
  await send(['a', 'b'], { [HEADER.traceparent]: '00-x', [HEADER.replyTo]: 'me', other: 'dropped' });
  await vi.waitFor(() => expect(tasks.map(textOf)).toEqual(['a!', 'b!']), 10_000);
  expect(tasks[0]!.headers).toEqual({ [HEADER.schemaVersion]: '1', [HEADER.traceparent]: '00-x', [HEADER.replyTo]: 'me' });
  await running.stop();
  expect(await committed()).toBe(2);
});

test('a bad record goes to the dead letters with its bytes, source, code and message; the partition goes on', async () => {
  const { start, send, read } = await harness((record) => {
    if (textOf(record) === 'bad') throw new RecordError('invalid_request', 'limit: too big');
    return toTasks(textOf(record));
  });
  await start();
  const [tasks, dead] = [await read('tasks'), await read('dead-letters')];
  await send(['bad', 'good'], { mine: 'kept' });
  await vi.waitFor(() => expect(tasks.map(textOf)).toEqual(['good']), 10_000);
  await vi.waitFor(() => expect(dead.map(textOf)).toEqual(['bad']), 10_000);
  expect(dead[0]!.key).toBe('t.requests/0/0');
  expect(dead[0]!.headers).toMatchObject({
    mine: 'kept',
    [DEAD_LETTER_HEADER.sourceTopic]: 't.requests', [DEAD_LETTER_HEADER.sourcePartition]: '0', [DEAD_LETTER_HEADER.sourceOffset]: '0', [DEAD_LETTER_HEADER.sourceKey]: 'k',
    [DEAD_LETTER_HEADER.stage]: 'classifier', [DEAD_LETTER_HEADER.code]: 'invalid_request', [DEAD_LETTER_HEADER.message]: 'limit: too big',
    [DEAD_LETTER_HEADER.attempts]: '1',
  });
});

test('a retryable failure is tried again; one that stays ends as a dead letter with its attempts', async () => {
  const tries = new Map<string, number>();
  const { start, send, read } = await harness((record) => {
    const value = textOf(record);
    tries.set(value, (tries.get(value) ?? 0) + 1);
    if (value === 'never' || tries.get(value)! < 3) throw cacheAway();
    return toTasks(value);
  }, { maxAttempts: 4, maxDeliveries: 1 });
  await start();
  const [tasks, dead] = [await read('tasks'), await read('dead-letters')];
  await send(['third', 'never']);
  await vi.waitFor(() => expect(tasks.map(textOf)).toEqual(['third']), 10_000);
  await vi.waitFor(() => expect(dead).toHaveLength(1), 10_000);
  expect(dead[0]!.headers).toMatchObject({ [DEAD_LETTER_HEADER.code]: 'internal', [DEAD_LETTER_HEADER.attempts]: '4' });
});

test('a defect in a stage does not stop the partition', async () => {
  const { start, send, read } = await harness((record) => {
    if (textOf(record) === 'x') throw new TypeError('defect');
    return toTasks(textOf(record));
  });
  await start();
  const [tasks, dead] = [await read('tasks'), await read('dead-letters')];
  await send(['x', 'y']);
  await vi.waitFor(() => expect([tasks.length, dead.length]).toEqual([1, 1]), 10_000);
  expect(dead[0]!.headers[DEAD_LETTER_HEADER.code]).toBe('internal');
});

test.each(['2', '2.1', 'nonsense'])('an internal record of schema version %s is refused', async (version) => {
  const { start, send, read } = await harness((record) => toTasks(readRecord(record).requestId));
  await start();
  const [tasks, dead] = [await read('tasks'), await read('dead-letters')];
  await send(['{"requestId":"later"}'], { [HEADER.schemaVersion]: version });
  await send(['{"requestId":"now"}'], { [HEADER.schemaVersion]: '1' });
  await vi.waitFor(() => expect(dead).toHaveLength(1), 10_000);
  expect(dead[0]!.headers[DEAD_LETTER_HEADER.code]).toBe('unsupported_schema_version');
  await vi.waitFor(() => expect(tasks.map(textOf)).toEqual(['now']), 10_000);
});

test('a stop waits for what is in flight, and what it could not wait for is delivered again', async () => {
  const gate = Promise.withResolvers<undefined>();
  const seen: string[] = [];
  const { start, send, read, committed } = await harness(async (record) => {
    seen.push(textOf(record));
    if (textOf(record) === 'stuck' && seen.filter((value) => value === 'stuck').length === 1) await new Promise(() => undefined);
    if (textOf(record) === 'slow') await gate.promise;
    return toTasks(textOf(record));
  }, { drainTimeoutMs: 200 });
  const first = await start();
  const tasks = await read('tasks');
  await send(['slow', 'stuck']);
  await vi.waitFor(() => expect(seen).toEqual(['slow', 'stuck']), 10_000);
  const stopped = first.stop();
  expect(first.state).toBe('draining');
  gate.resolve(undefined);
  await stopped;
  expect(first.state).toBe('stopped');
  expect(await committed()).toBe(1);
  await start();
  await vi.waitFor(() => expect(tasks.map(textOf)).toEqual(['slow', 'stuck']), 10_000);
});

test('outputs that cannot be written now are written later, and the input is not acknowledged before', async () => {
  let away = 10;
  const { start, send, read, committed, log } = await harness((record) => toTasks(textOf(record)));
  const real = await log.producer();
  const producer = { ...real, flush: () => real.flush(), close: () => real.close(), send: (records: readonly OutgoingRecord[]) => ((away -= 1) > 0 ? Promise.reject(new TandemError('full', { code: 'log_full', retryable: true })) : real.send(records)) };
  const running = await start({ producer });
  const tasks = await read('tasks');
  await send(['a']);
  await vi.waitFor(() => expect(tasks.map(textOf)).toEqual(['a']), 10_000);
  expect(away).toBeLessThanOrEqual(0);
  await running.stop();
  expect(await committed()).toBe(1);
});
