import type { Cancellation, Task, TaskRecord } from '@tandem/schemas';
import { DEAD_LETTER_HEADER, HEADER, fixedTopics } from '@tandem/schemas';
import { createMemoryCache, type Cache } from '@tandem/shared/cache';
import { systemClock } from '@tandem/shared/clock';
import { createEmbeddedLog, type LogRecord } from '@tandem/shared/log';
import { RunningStage } from '@tandem/shared/runner';
import { createMetrics, noTracing, silentLogger } from '@tandem/shared/telemetry';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { NOW, handle, pretendShared, record, request, testClassifier, testWorkload } from './testing.ts';

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

const cancel = (over: Record<string, unknown> = {}) => ({ cancel: true, requestId: 'r1', workload: 'recommend', userId: 'ann', ...over });

describe('a cancel', () => {
  it.each([
    [{}, 'ann'],
    [{ userId: undefined, key: 'session' }, 'session'],
    [{ userId: undefined }, 'r1'],
  ])('with %o has the affinity key that its request has: %s', async (fields, key) => {
    const { classifier } = testClassifier();
    const [asked] = await handle(classifier, record('requests', { ...request({ requestId: 'r1' }), ...fields }));
    const input = record('requests', cancel(fields), { offset: 9, partition: 2 });
    const [cancelled] = await handle(classifier, input);
    expect([asked?.key, cancelled?.key]).toEqual([key, key]);
    expect(cancelled?.topic).toBe('tandem.tasks');
    const { userId } = { userId: 'ann', ...fields };
    expect(JSON.parse(String(cancelled?.value))).toEqual({
      cancel: true, requestId: 'r1', workload: 'recommend', key, ...(userId === undefined ? {} : { userId }), arrivedAt: NOW, source: 'tandem.requests/2/9',
    } satisfies Cancellation);
  });

  it('is no duplicate of its request, and may be repeated', async () => {
    const { classifier } = testClassifier();
    await handle(classifier, record('requests', request({ requestId: 'r1' })));
    for (let i = 0; i < 3; i += 1) expect(await handle(classifier, record('requests.bulk', cancel()))).toHaveLength(1);
  });

  it.each([
    ['invalid_request', cancel({ requestId: '' })],
    ['invalid_request', cancel({ workload: 'No Such Alphabet' })],
    ['invalid_request', cancel({ userId: 7 })],
    ['unknown_workload', cancel({ workload: 'other' })],
    ['too_large', cancel({ filler: 'x'.repeat(2_000_000) })],
    ['too_deep', { ...cancel(), deep: JSON.parse('['.repeat(40) + ']'.repeat(40)) as unknown }],
  ])('that is wrong is a dead letter with %s: nobody is answered', async (code, value) => {
    const { classifier } = testClassifier();
    await expect(handle(classifier, record('requests', value))).rejects.toMatchObject({ code });
  });

  it('is only what says so: anything else under that name is ignored, as every unknown field', async () => {
    const { classifier } = testClassifier();
    const [output] = await handle(classifier, record('requests', { ...request(), cancel: false }));
    expect((JSON.parse(String(output?.value)) as Task).plan).toBeDefined();
  });
});

/** A shared cache whose lists of features are given in the order that a test wants. */
function gatedCache() {
  const gates = new Map<string, PromiseWithResolvers<undefined>>();
  const gate = (userId: string) => {
    const key = `features:${userId}`;
    const known = gates.get(key) ?? Promise.withResolvers<undefined>();
    gates.set(key, known);
    return known;
  };
  const inner = pretendShared(createMemoryCache());
  const cache = new Proxy(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name !== 'list') return value;
      return async (key: string) => {
        await gates.get(key)?.promise;
        return target.list(key);
      };
    },
  });
  return { cache, gate };
}

async function running(cache: Cache, order: 'none' | 'key') {
  const log = createEmbeddedLog();
  cleanUps.push(() => log.close());
  await log.admin.ensureTopics(fixedTopics({ prefix: 'tandem.', partitions: 1 }));
  const producer = await log.producer();
  const { classifier } = testClassifier({ cache, clock: systemClock, workloads: [testWorkload({ order, deadlineMs: 60_000 })] });
  const metrics = createMetrics({ processMetrics: false });
  const stage = await RunningStage.start(classifier, { log, producer, prefix: 'tandem.', clock: systemClock, logger: silentLogger, metrics, tracing: noTracing });
  cleanUps.push(() => stage.stop());
  const tasks: string[] = [];
  const name = (record: LogRecord) => {
    const value = JSON.parse(record.value!.toString()) as TaskRecord;
    return 'cancel' in value ? `cancel ${value.requestId}` : value.requestId;
  };
  const tail = await log.tail({ topic: 'tandem.tasks', onRecord: (written) => tasks.push(name(written)) });
  cleanUps.push(() => tail.close());
  const send = (...values: unknown[]) => producer.send(values.map((value) => ({ topic: 'tandem.requests', key: null, value: JSON.stringify(value) })));
  return { tasks, send, log };
}

// Requests of one affinity key whose features come in another order: ann's and bob's requests name their own key.
const slow = (requestId: string) => request({ requestId, userId: 'ann' });
const quick = (requestId: string) => request({ requestId, userId: 'ann', input: { history: ['1'] }, hints: { activity: 0 } });

describe('what the records of one key give', () => {
  it('comes in any order, but a cancel stays behind the requests before it', async () => {
    const { cache, gate } = gatedCache();
    const { tasks, send } = await running(cache, 'none');
    const lookup = gate('ann');
    await send(slow('first'), quick('second'), cancel({ requestId: 'first' }), request({ requestId: 'other', userId: 'bob' }), quick('third'));
    await vi.waitFor(() => expect(tasks).toHaveLength(3), 10_000);
    expect(tasks.toSorted()).toEqual(['other', 'second', 'third']);
    lookup.resolve(undefined);
    await vi.waitFor(() => expect(tasks.slice(3)).toEqual(['first', 'cancel first']), 10_000);
  });

  it('comes in the order of the records where the workload wants that', async () => {
    const { cache, gate } = gatedCache();
    const { tasks, send } = await running(cache, 'key');
    const lookup = gate('ann');
    await send(slow('first'), quick('second'), cancel({ requestId: 'first' }), request({ requestId: 'other', userId: 'bob' }), quick('third'));
    await vi.waitFor(() => expect(tasks).toEqual(['other']), 10_000);
    lookup.resolve(undefined);
    await vi.waitFor(() => expect(tasks).toEqual(['other', 'first', 'second', 'cancel first', 'third']), 10_000);
  });

  it('goes on after one that was refused', async () => {
    const { cache } = gatedCache();
    const { tasks, send, log } = await running(cache, 'key');
    const dead: LogRecord[] = [];
    const tail = await log.tail({ topic: 'tandem.dead-letters', onRecord: (written) => dead.push(written) });
    cleanUps.push(() => tail.close());
    await send(quick('first'), quick('first'), quick('second'));
    await vi.waitFor(() => expect(tasks).toEqual(['first', 'second']), 10_000);
    await vi.waitFor(() => expect(dead.map(({ headers }) => headers[DEAD_LETTER_HEADER.code])).toEqual(['duplicate_request']), 10_000);
  });
});

describe('a request put back from the dead letters', () => {
  it('stands where it stood first, so that it is no duplicate of itself however often it is put back', async () => {
    const { classifier } = testClassifier();
    const value = request({ requestId: 'again' });
    await handle(classifier, record('requests', value, { offset: 5 }));
    const headers = { [HEADER.replayOf]: 'tandem.requests/0/5' };
    for (const offset of [70, 71]) {
      const [output] = await handle(classifier, record('requests', value, { offset, headers }));
      expect((JSON.parse(String(output?.value)) as Task).source).toBe('tandem.requests/0/5');
    }
    await expect(handle(classifier, record('requests', value, { offset: 72 }))).rejects.toMatchObject({ code: 'duplicate_request' });
  });

  it.each(['nonsense', 'a/b/c', 'topic/1/-1', `${'t'.repeat(300)}/0/0`, 'topic/0/0\n'])('is taken for a new one where it says %j', async (replayOf) => {
    const { classifier } = testClassifier();
    const input = record('requests', request(), { offset: 6, headers: { [HEADER.replayOf]: replayOf } });
    const [output] = await handle(classifier, input);
    expect((JSON.parse(String(output?.value)) as Task).source).toBe('tandem.requests/0/6');
  });
});
