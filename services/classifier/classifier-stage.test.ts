import { UNREADABLE_BATCH_HEADER, type Task } from '@tandem/schemas';
import { describe, expect, it, vi } from 'vitest';
import {
  NOW, apply, breakableCache, handle, record, rejectionOf, request, taskOf, testAdapter, testClassifier, testWorkload,
} from './testing.ts';

describe('a request that becomes a task', () => {
  it('is keyed by the user and carries all that later stages need', async () => {
    const { classifier } = testClassifier();
    await apply(classifier, 2);
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

describe('provisional answers', () => {
  it.each([
    [undefined, true, false], ['off', true, false], ['asked', undefined, false], ['asked', false, false], ['asked', true, true],
    ['always', undefined, true], ['always', true, true], ['always', false, false],
  ] as const)('of a workload that says %s to a request that says %s: %s', async (provisional, asked, wanted) => {
    const { classifier } = testClassifier({ workloads: [testWorkload({ provisional })] });
    const body = request({ hints: asked === undefined ? {} : { provisional: asked } });
    expect((await taskOf(classifier, record('requests', body))).provisional).toBe(wanted ? true : undefined);
  });

  it('are nothing for the bulk lane', async () => {
    const { classifier } = testClassifier({ workloads: [testWorkload({ provisional: 'always' })] });
    expect((await taskOf(classifier, record('requests.bulk', request()))).provisional).toBeUndefined();
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
    await apply(classifier, 40);
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

  it('is a dead letter that says so where it stands for a batch that cannot be read', async () => {
    const { classifier } = testClassifier();
    const unreadable = record('requests', Buffer.of(0xff), { headers: { [UNREADABLE_BATCH_HEADER]: 'a damaged record batch (offsets 3 to 9, 1 bytes)' } });
    await expect(handle(classifier, unreadable)).rejects.toMatchObject({ code: 'unreadable_batch', message: expect.stringContaining('offsets 3 to 9') as string });
    await expect(handle(classifier, { ...unreadable, topic: 'tandem.interactions' })).rejects.toMatchObject({ code: 'unreadable_batch' });
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
    const { cache, state } = breakableCache();
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
    const { cache, state } = breakableCache();
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
