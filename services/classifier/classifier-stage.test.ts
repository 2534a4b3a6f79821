import type { RejectedOutcome, Request, Task } from '@tandem/schemas';
import { createMemoryCache } from '@tandem/shared/cache';
import { TandemError } from '@tandem/shared/errors';
import type { LogRecord } from '@tandem/shared/log';
import { describe, expect, it, vi } from 'vitest';
import type { ClassifierStage } from './classifier-stage.ts';
import { NOW, noContext, pretendShared, record, testAdapter, testClassifier, testWorkload } from './testing.ts';

const request = (over: Partial<Request> = {}): Request => ({ requestId: `r${Math.random()}`, workload: 'recommend', userId: 'ann', input: {}, ...over });
const interaction = (itemId: string, time = NOW, userId = 'ann') => ({ userId, itemId, time });

async function handle(classifier: ClassifierStage, input: LogRecord) {
  return classifier.handle(input, noContext);
}

async function taskOf(classifier: ClassifierStage, input: LogRecord): Promise<Task> {
  const outputs = await handle(classifier, input);
  expect(outputs).toHaveLength(1);
  expect(outputs[0]?.topic).toBe('tandem.tasks');
  return JSON.parse(String(outputs[0]?.value)) as Task;
}

async function rejectionOf(classifier: ClassifierStage, input: LogRecord): Promise<RejectedOutcome> {
  const outputs = await handle(classifier, input);
  expect(outputs).toHaveLength(1);
  expect(outputs[0]?.topic).toBe('tandem.outcomes');
  return JSON.parse(String(outputs[0]?.value)) as RejectedOutcome;
}

async function applied(classifier: ClassifierStage, count: number, from = 0): Promise<void> {
  for (let i = from; i < from + count; i += 1) await handle(classifier, record('interactions', interaction(String(i + 1), NOW - 1_000 + i)));
}

/** A cache that can be taken away. */
function breakable() {
  const cache = createMemoryCache();
  const state = { broken: false };
  const proxy = new Proxy(pretendShared(cache), {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        if (state.broken) throw new TandemError('away', { code: 'cache_unavailable', retryable: true });
        return (value as (...all: unknown[]) => Promise<unknown>).apply(target, args);
      };
    },
  });
  return { cache: proxy, state };
}

describe('a request that becomes a task', () => {
  it('is keyed by the user and carries all that later stages need', async () => {
    const { classifier } = testClassifier();
    await applied(classifier, 2);
    const input = record('requests', request({ requestId: 'r1', hints: { deadlineMs: 200, tier: 'gold', accuracyFloor: 0.9 } }), { offset: 77, partition: 3 });
    const outputs = await handle(classifier, input);
    expect(outputs[0]?.key).toBe('ann');
    expect(JSON.parse(String(outputs[0]?.value))).toEqual({
      requestId: 'r1', workload: 'recommend', key: 'ann', userId: 'ann', lane: 'interactive', task: 'coarse', tier: 'gold',
      arrivedAt: NOW, deadlineAt: NOW + 200, accuracyFloor: 0.9, activity: expect.closeTo(1 - Math.exp(-2 / 20), 5) as number,
      input: { history: [1, 2], total: 2, limit: 10 },
      plan: { id: 'coarse', strategy: 'rerank', steps: [{ id: 'coarse', role: 'coarse', model: 'small', after: [], required: false }] },
      source: 'tandem.requests/3/77', marks: [],
    });
  });

  it('takes defaults from the workload where it has no hints', async () => {
    const { classifier } = testClassifier({ workloads: [testWorkload({ deadlineMs: null, accuracyFloor: 0.5, defaultTask: 'full' })] });
    const task = await taskOf(classifier, record('requests', request()));
    expect(task).toMatchObject({ deadlineAt: null, accuracyFloor: 0.5, tier: 'standard', task: 'full', marks: ['unknown_user'] });
  });

  it('goes into the bulk lane when it came by the bulk topic', async () => {
    const { classifier } = testClassifier();
    expect((await taskOf(classifier, record('requests.bulk', request()))).lane).toBe('bulk');
  });

  it.each([
    [{ userId: 'ann', key: 'session' }, 'ann'],
    [{ key: 'session' }, 'session'],
    [{ requestId: 'lonely' }, 'lonely'],
  ])('with %o is keyed %s', async (fields, key) => {
    const { classifier } = testClassifier();
    const { userId: _none, ...rest } = request();
    const outputs = await handle(classifier, record('requests', { ...rest, ...fields }));
    expect(outputs[0]?.key).toBe(key);
    expect((JSON.parse(String(outputs[0]?.value)) as Task).key).toBe(key);
  });

  it('ignores unknown fields', async () => {
    const { classifier } = testClassifier();
    const task = await taskOf(classifier, record('requests', { ...request(), surprise: 1, input: { surprise: 2 }, hints: { surprise: 3 } }));
    expect(JSON.stringify(task)).not.toContain('surprise');
  });

  it('reads a text that begins with a byte order mark', async () => {
    const { classifier } = testClassifier();
    await taskOf(classifier, record('requests', `\uFEFF${JSON.stringify(request())}`));
  });
});

describe('the kind of task', () => {
  it('follows the hint before everything else', async () => {
    const { classifier } = testClassifier({ workloads: [testWorkload({ defaultTask: 'full' })] });
    const hinted = request({ hints: { task: 'coarse', activity: 1 }, input: { candidates: ['1', '2'] } });
    expect((await taskOf(classifier, record('requests', hinted))).task).toBe('coarse');
  });

  it('is full for active users and coarse for others', async () => {
    const { classifier } = testClassifier();
    const active = request({ hints: { activity: 0.81 } });
    const quiet = request({ hints: { activity: 0.8 } });
    expect((await taskOf(classifier, record('requests', active))).task).toBe('full');
    expect((await taskOf(classifier, record('requests', quiet))).task).toBe('coarse');
  });

  it('counts interactions, halved per day, up to the time of the request', async () => {
    const { classifier } = testClassifier();
    await applied(classifier, 40);
    const now = await taskOf(classifier, record('requests', request()));
    const dayLater = await taskOf(classifier, record('requests', request({ time: NOW + 86_400_000 })));
    const before = await taskOf(classifier, record('requests', request({ time: NOW - 100_000 })));
    expect(now.activity).toBeCloseTo(1 - Math.exp(-40 / 20), 4);
    expect(now.task).toBe('full');
    expect(dayLater.activity).toBeCloseTo(1 - Math.exp(-20 / 20), 4);
    expect(dayLater.task).toBe('coarse');
    expect(before.activity).toBe(0);
  });

  it('leaves the coarse step out where the sender gave candidates', async () => {
    const { classifier } = testClassifier();
    const task = await taskOf(classifier, record('requests', request({ hints: { task: 'full' }, input: { candidates: ['5', { itemId: '6', score: 1 }] } })));
    expect(task.plan.steps).toEqual([{ id: 'fine', role: 'fine', model: 'large', after: [], required: false }]);
  });
});

describe('features', () => {
  it('are the first n interactions exactly, where the request says so', async () => {
    const { classifier } = testClassifier();
    await applied(classifier, 10);
    const task = await taskOf(classifier, record('requests', request({ input: { asOfInteractions: 4 } })));
    expect(task.input).toMatchObject({ history: [1, 2, 3, 4], total: 4 });
    expect(task.marks).toEqual([]);
  });

  it('of a user before the first interaction are those of an unknown user', async () => {
    const { classifier } = testClassifier();
    await applied(classifier, 3);
    const task = await taskOf(classifier, record('requests', request({ input: { asOfInteractions: 0 } })));
    expect(task).toMatchObject({ input: { history: [], total: 0 }, marks: ['unknown_user'], activity: 0 });
  });

  it('are the newest of a long history, and count what the bounded list no longer holds', async () => {
    const { classifier } = testClassifier({ historyLimit: 3 });
    await applied(classifier, 20);
    const now = await taskOf(classifier, record('requests', request()));
    const earlier = await taskOf(classifier, record('requests', request({ input: { asOfInteractions: 17 } })));
    expect(now).toMatchObject({ input: { history: [18, 19, 20], total: 20 }, marks: [] });
    expect(earlier).toMatchObject({ input: { history: [15, 16, 17], total: 17 }, marks: [] });
  });

  it('are marked stale where the list no longer reaches back far enough', async () => {
    const { classifier } = testClassifier({ historyLimit: 3 });
    await applied(classifier, 20);
    const short = await taskOf(classifier, record('requests', request({ input: { asOfInteractions: 16 } })));
    const gone = await taskOf(classifier, record('requests', request({ input: { asOfInteractions: 3 } })));
    expect(short).toMatchObject({ input: { history: [15, 16], total: 16 }, marks: ['features_stale'] });
    expect(gone.marks).toContain('features_stale');
  });

  it('leave out what happened after the time of the request', async () => {
    const { classifier } = testClassifier();
    await applied(classifier, 10);
    const task = await taskOf(classifier, record('requests', request({ time: NOW - 1_000 + 2 })));
    expect(task.input).toMatchObject({ history: [1, 2, 3], total: 3 });
  });

  it('are waited for, and the wait ends with the interaction that was missing', async () => {
    const { classifier, clock } = testClassifier({ cache: createMemoryCache() });
    const tail = (n: number) => classifier.applyInteraction(record('interactions', interaction(String(n))));
    await tail(1);
    const waiting = taskOf(classifier, record('requests', request({ input: { asOfInteractions: 3 } })));
    const other = await taskOf(classifier, record('requests', request({ userId: 'bob' })));
    expect(other.requestId).toBeDefined();
    await tail(2);
    await tail(3);
    expect((await waiting).input).toMatchObject({ history: [1, 2, 3], total: 3 });
    expect((await waiting).marks).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('are marked stale when the wait was in vain', async () => {
    const { classifier, clock } = testClassifier({ featureWaitMs: 250 });
    await applied(classifier, 1);
    const waiting = taskOf(classifier, record('requests', request({ input: { asOfInteractions: 1_000_000_000 } })));
    await untilSettled(waiting, () => clock.advance(5));
    expect((await waiting).marks).toEqual(['features_stale']);
    expect((await waiting).input).toMatchObject({ history: [1], total: 1 });
    expect(clock.now() - NOW).toBeGreaterThanOrEqual(250);
    expect(clock.now() - NOW).toBeLessThan(300);
  });

  it('are not waited for beyond the deadline', async () => {
    const { classifier, clock } = testClassifier({ featureWaitMs: 250 });
    const waiting = taskOf(classifier, record('requests', request({ hints: { deadlineMs: 20 }, input: { asOfInteractions: 5 } })));
    await untilSettled(waiting, () => clock.advance(5));
    expect(clock.now() - NOW).toBeLessThan(50);
  });

  it('that another process stores in a shared cache end the wait too', async () => {
    const cache = pretendShared(createMemoryCache());
    const here = testClassifier({ cache });
    const there = testClassifier({ cache });
    const waiting = taskOf(here.classifier, record('requests', request({ input: { asOfInteractions: 1 } })));
    await applied(there.classifier, 1);
    await untilSettled(waiting, () => here.clock.advance(5));
    expect((await waiting).marks).toEqual([]);
    expect(here.clock.now() - NOW).toBeLessThan(100);
  });

  it('given by the sender are used instead of the known ones', async () => {
    const { classifier } = testClassifier();
    await applied(classifier, 3);
    const task = await taskOf(classifier, record('requests', request({ input: { history: ['9', '8'] } })));
    expect(task.input).toMatchObject({ history: [9, 8], total: 2 });
  });
});

describe('interactions', () => {
  it('redelivered change nothing', async () => {
    const { classifier } = testClassifier();
    const input = record('interactions', interaction('7'));
    for (let i = 0; i < 3; i += 1) await handle(classifier, input);
    expect((await taskOf(classifier, record('requests', request()))).input).toMatchObject({ history: [7], total: 1 });
  });

  it('that cannot be read are dead letters', async () => {
    const { classifier } = testClassifier();
    await expect(handle(classifier, record('interactions', { userId: 'ann' }))).rejects.toMatchObject({ code: 'invalid_interaction' });
    await expect(handle(classifier, record('interactions', interaction('1001')))).rejects.toMatchObject({ code: 'unknown_item' });
    await expect(handle(classifier, record('interactions', interaction('01')))).rejects.toMatchObject({ code: 'unknown_item' });
  });

  it('are only checked by the group where the cache is not shared, and stored by the tail', async () => {
    const cache = createMemoryCache();
    const { classifier } = testClassifier({ cache });
    const good = record('interactions', interaction('7'));
    expect(await handle(classifier, good)).toEqual([]);
    expect(await cache.list('features:ann')).toEqual({ entries: [], total: 0 });
    await classifier.applyInteraction(good);
    await classifier.applyInteraction(record('interactions', 'garbage'));
    expect((await cache.list('features:ann')).total).toBe(1);
    await expect(handle(classifier, record('interactions', 'garbage'))).rejects.toMatchObject({ code: 'invalid_json' });
  });

  it('of one user are stored in order even while the cache comes and goes', async () => {
    const { cache, state } = breakable();
    const { classifier, clock } = testClassifier({ cache });
    state.broken = true;
    const first = handle(classifier, record('interactions', interaction('1')));
    const second = handle(classifier, record('interactions', interaction('2')));
    await vi.waitFor(() => expect(clock.pending).toBe(1));
    state.broken = false;
    const third = handle(classifier, record('interactions', interaction('3')));
    await untilSettled(Promise.all([first, second, third]), () => clock.advance(50));
    expect((await cache.list('features:ann')).entries.map((entry) => entry.split(':')[0])).toEqual(['1', '2', '3']);
  });

  it('that the cache never takes are given back when the stage stops', async () => {
    const { cache, state } = breakable();
    const { classifier, clock } = testClassifier({ cache });
    state.broken = true;
    const pending = handle(classifier, record('interactions', interaction('1')));
    const outcome = expect(pending).rejects.toMatchObject({ code: 'cache_unavailable', retryable: true });
    await vi.waitFor(() => expect(clock.pending).toBe(1));
    await classifier.stop?.();
    clock.advance(60_000);
    await outcome;
  });
});

describe('duplicates', () => {
  it('of a request id at another position are dead letters', async () => {
    const { classifier } = testClassifier();
    await taskOf(classifier, record('requests', request({ requestId: 'once' }), { offset: 5 }));
    const again = record('requests', request({ requestId: 'once' }), { offset: 6 });
    await expect(handle(classifier, again)).rejects.toMatchObject({ code: 'duplicate_request', message: expect.stringContaining('tandem.requests/0/5') as string });
    const elsewhere = record('requests.bulk', request({ requestId: 'once' }), { offset: 5 });
    await expect(handle(classifier, elsewhere)).rejects.toMatchObject({ code: 'duplicate_request' });
  });

  it('at the same position are redeliveries and go on', async () => {
    const { classifier } = testClassifier();
    const input = record('requests', request());
    const first = await taskOf(classifier, input);
    expect(await taskOf(classifier, input)).toEqual(first);
  });

  it('are duplicates also where they are invalid: the first one is answered', async () => {
    const { classifier } = testClassifier();
    await taskOf(classifier, record('requests', request({ requestId: 'once' })));
    await expect(handle(classifier, record('requests', { requestId: 'once' }))).rejects.toMatchObject({ code: 'duplicate_request' });
  });

  it('are forgotten after their time', async () => {
    const { classifier, clock } = testClassifier({ dedupTtlMs: 1_000 });
    await taskOf(classifier, record('requests', request({ requestId: 'once' })));
    clock.advance(1_001);
    await taskOf(classifier, record('requests', request({ requestId: 'once', hints: { deadlineMs: 60_000 } })));
  });
});

describe('a request that cannot be served', () => {
  it('is rejected under its affinity key, with a code and a message that names the place', async () => {
    const { classifier } = testClassifier();
    const outputs = await handle(classifier, record('requests', { ...request({ requestId: 'bad', hints: { deadlineMs: -1 } }) }));
    expect(outputs[0]?.key).toBe('ann');
    expect(JSON.parse(String(outputs[0]?.value))).toMatchObject({
      kind: 'rejected', requestId: 'bad', workload: 'recommend', userId: 'ann', reason: 'invalid', code: 'invalid_request',
      message: expect.stringContaining('hints.deadlineMs') as string, arrivedAt: NOW,
    });
  });

  it.each([
    ['unknown_workload', { workload: 'nothing-of-the-kind' }],
    ['invalid_input', { input: { limit: 1_000_000_000 } }],
    ['invalid_input', { input: { history: 'all' } }],
    ['invalid_input', { input: { candidates: Array.from({ length: 1_001 }, () => '1') } }],
    ['unknown_item', { input: { candidates: ['1001'] } }],
    ['invalid_request', { input: [] }],
    ['invalid_request', { hints: { task: 'best' } }],
    ['invalid_request', { workload: 'No Such Alphabet' }],
  ])('is rejected with %s for %o', async (code, fields) => {
    const { classifier } = testClassifier();
    expect(await rejectionOf(classifier, record('requests', { ...request(), ...fields }))).toMatchObject({ code, reason: 'invalid' });
  });

  it('is rejected as expired when its deadline has passed on arrival', async () => {
    const { classifier, clock } = testClassifier();
    clock.advance(100);
    const late = record('requests', request({ hints: { deadlineMs: 100 } }));
    expect(await rejectionOf(classifier, late)).toMatchObject({ code: 'expired', reason: 'expired' });
    await taskOf(classifier, record('requests', request({ hints: { deadlineMs: 101 } })));
  });

  it('is rejected when a later version wrote it, and its id can be read', async () => {
    const { classifier } = testClassifier();
    const headers = { 'tandem-schema': '2' };
    expect(await rejectionOf(classifier, record('requests', request(), { headers }))).toMatchObject({ code: 'unsupported_schema_version' });
    await taskOf(classifier, record('requests', request(), { headers: { 'tandem-schema': '1.7' } }));
  });

  it('is rejected as internal when the adapter fails, and nothing stops', async () => {
    const broken = { ...testAdapter, prepare: () => { throw new TypeError('planted'); } };
    const { classifier } = testClassifier({ adapters: new Map([['recommend', broken]]) });
    expect(await rejectionOf(classifier, record('requests', request()))).toMatchObject({ code: 'internal', message: expect.stringContaining('planted') as string });
  });

  it.each([
    ['empty_value', null],
    ['empty_value', Buffer.alloc(0)],
    ['invalid_encoding', Buffer.from([0x7b, 0xff, 0x7d])],
    ['invalid_json', '{"requestId":"r1"'],
    ['invalid_request', 'null'],
    ['invalid_request', '[{"requestId":"r1"}]'],
    ['invalid_request', { workload: 'recommend', input: {} }],
    ['invalid_request', { requestId: 'a\u0000b', workload: 'recommend', input: {} }],
    ['too_deep', '['.repeat(5_000) + ']'.repeat(5_000)],
    ['too_large', 'x'.repeat(1_048_577)],
  ])('is a dead letter with %s where no id can be read', async (code, value) => {
    const { classifier } = testClassifier();
    await expect(handle(classifier, record('requests', value))).rejects.toMatchObject({ code });
  });

  it.each([
    ['too_deep', { input: { a: JSON.parse('['.repeat(40) + ']'.repeat(40)) as unknown } }],
    ['too_large', { input: { a: 'x'.repeat(1_048_577) } }],
  ])('is rejected with %s where the id can be read', async (code, fields) => {
    const { classifier } = testClassifier();
    expect(await rejectionOf(classifier, record('requests', { ...request(), ...fields }))).toMatchObject({ code });
  });

  it('never takes fields from a planted prototype', async () => {
    const { classifier } = testClassifier();
    const planted = `{"requestId":"p1","workload":"recommend","input":{"__proto__":{"limit":77}},"__proto__":{"userId":"eve"}}`;
    const task = await taskOf(classifier, record('requests', planted));
    expect(task.input).toMatchObject({ limit: 10 });
    expect(task.userId).toBeUndefined();
    const onlyPlanted = `{"__proto__":{"requestId":"p2","workload":"recommend","input":{}}}`;
    await expect(handle(classifier, record('requests', onlyPlanted))).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('without its cache', () => {
  it('goes on: duplicates pass and features are marked stale', async () => {
    const { cache, state } = breakable();
    const cacheUnavailable = vi.fn();
    const observer = { classified: vi.fn(), rejected: vi.fn(), deadLettered: vi.fn(), interaction: vi.fn(), cacheUnavailable };
    const { classifier } = testClassifier({ cache, observer });
    state.broken = true;
    const once = request({ requestId: 'once' });
    expect((await taskOf(classifier, record('requests', once))).marks).toContain('features_stale');
    await taskOf(classifier, record('requests', once));
    expect(cacheUnavailable).toHaveBeenCalled();
    expect(observer.classified).toHaveBeenCalledTimes(2);
  });

  it('warns once per interval, not once per record', async () => {
    const { cache, state } = breakable();
    const warn = vi.fn();
    const { classifier, clock } = testClassifier({ cache, logger: { warn } as never });
    state.broken = true;
    for (let i = 0; i < 50; i += 1) await taskOf(classifier, record('requests', request()));
    expect(warn).toHaveBeenCalledTimes(1);
    clock.advance(10_000);
    await taskOf(classifier, record('requests', request({ hints: { deadlineMs: 60_000 } })));
    expect(warn).toHaveBeenCalledTimes(2);
  });
});

describe('setting up', () => {
  it('names the adapter that a workload lacks', () => {
    expect(() => testClassifier({ workloads: [testWorkload({ adapter: 'other' })] })).toThrow(/workload recommend names the adapter other; there are recommend/);
  });

  it('refuses a workload without plans', () => {
    expect(() => testClassifier({ workloads: [testWorkload({ plans: {} })] })).toThrow(/has no plans/);
  });

  it('reads all three input topics in one group', () => {
    const { classifier } = testClassifier({ prefix: 'p.' });
    expect(classifier.inputs).toEqual([{ group: 'classifier', topics: ['p.requests', 'p.requests.bulk', 'p.interactions'] }]);
  });
});

/** Moves a clock until the promise has settled; turns of the event loop in between let other work go on. */
async function untilSettled(promise: Promise<unknown>, move: () => void): Promise<void> {
  let settled = false;
  const done = () => {
    settled = true;
  };
  promise.then(done, done);
  for (let turn = 0; turn < 10_000 && !settled; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (!settled) move();
  }
  expect(settled).toBe(true);
}

