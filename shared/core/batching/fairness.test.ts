import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  BATCH_LIMITS, BatchQueue, formBatch, takeExpired, type BatchLimits, type BatchSituation, type BatchTimes, type QueuedWork, type QueueRules,
} from './index.ts';

/** Each request costs 1 ms, so that counts are session time. */
const proportional: BatchTimes = { predict: (_, size) => size, soonest: () => 0 };
const times: BatchTimes = { predict: (_, size) => 1 + size, soonest: () => 0 };

function situation(now: number, over: Partial<BatchSituation> = {}, limits: Partial<BatchLimits> = {}): BatchSituation {
  return { now, startsAt: now, sessions: 1, times: proportional, limits: { ...BATCH_LIMITS, maxQueueDelayMs: 0, ...limits }, ...over };
}

type Flow = Pick<QueuedWork<string>, 'tier' | 'tenant' | 'group'>;

function work(payload: string, over: Partial<QueuedWork<string>> = {}): QueuedWork<string> {
  return { payload, group: 'g', lane: 'interactive', deadlineAt: null, enqueuedAt: 0, ...over };
}

/** Keeps every flow backlogged, each with dues of its own, and counts what each is given. */
function serve(
  flows: readonly Flow[], rules: Partial<QueueRules>, batches: number, dueOf: (flow: number, index: number) => number, onBatch: (given: readonly number[]) => void,
): void {
  const queue = new BatchQueue<string>(rules);
  const given = flows.map(() => 0);
  const added = flows.map(() => 0);
  const add = (flow: number) => {
    const index = (added[flow]! += 1);
    queue.add(work(String(flow), { ...flows[flow], enqueuedAt: dueOf(flow, index) }));
  };
  flows.forEach((_, flow) => Array.from({ length: 40 }, () => add(flow)));
  for (let batch = 0; batch < batches; batch += 1) {
    for (const { payload } of formBatch(queue, situation(0)).batch?.work ?? []) {
      given[Number(payload)]! += 1;
      add(Number(payload));
    }
    onBatch(given);
  }
}

const anyWeight = fc.integer({ min: 1, max: 8 });
const anyDue = fc.func(fc.integer({ min: -1_000, max: 1_000 }));
const anyWindow = fc.integer({ min: 0, max: 50 });

test('tiers that wait all along differ in session time over weight by the window and one request at most, whatever their deadlines and groups', () => {
  const anyTiers = fc.array(fc.record({ weight: anyWeight, group: fc.constantFrom('g', 'h') }), { minLength: 2, maxLength: 5 });
  fc.assert(fc.property(anyTiers, anyWindow, anyDue, (tiers, fairnessWindowMs, due) => {
    const tierWeights = Object.fromEntries(tiers.map(({ weight }, index) => [`tier-${index}`, weight]));
    const flows = tiers.map(({ group }, index) => ({ tier: `tier-${index}`, tenant: undefined, group }));
    serve(flows, { tierWeights, fairnessWindowMs }, 60, (flow, index) => due(flow, index), (given) => {
      const shares = given.map((count, index) => count / tiers[index]!.weight);
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(fairnessWindowMs + 1 + 1e-9);
    });
  }), { numRuns: 40 });
});

test('tenants share their tier in the same way, however much the other tier has', () => {
  fc.assert(fc.property(fc.array(anyWeight, { minLength: 2, maxLength: 6 }), anyWindow, anyDue, (weights, fairnessWindowMs, due) => {
    const tenantWeights = Object.fromEntries(weights.map((weight, index) => [`t${index}`, weight]));
    const flows: Flow[] = [...weights.map((_, index) => ({ tier: 'standard', tenant: `t${index}`, group: 'g' })), { tier: 'vip', tenant: 't0', group: 'g' }];
    serve(flows, { tenantWeights, fairnessWindowMs }, 60, (flow, index) => due(flow, index), (given) => {
      const shares = weights.map((weight, index) => given[index]! / weight);
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(fairnessWindowMs + 1 + 1e-9);
      const standard = given.slice(0, weights.length).reduce((sum, count) => sum + count, 0);
      expect(Math.abs(standard - given.at(-1)! / 4)).toBeLessThanOrEqual(fairnessWindowMs + 1 + 1e-9);
    });
  }), { numRuns: 40 });
});

test('as long as nobody takes more than the window, the earliest deadline goes first, whosever it is', () => {
  const anyWork = fc.record({ deadlineAt: fc.integer({ min: 500, max: 900 }), tier: fc.constantFrom('vip', 'standard', 'other'), tenant: fc.constantFrom(undefined, 'a', 'b') });
  fc.assert(fc.property(fc.array(anyWork, { minLength: 1, maxLength: 30 }), (items) => {
    const queue = new BatchQueue<string>({ fairnessWindowMs: 30 });
    items.forEach((item, index) => queue.add(work(String(index), item)));
    const order: number[] = [];
    while (queue.size > 0) order.push(...formBatch(queue, situation(0, {}, { maxBatchSize: 4 })).batch!.work.map(({ payload }) => Number(payload)));
    expect(order).toEqual(items.map((_, index) => index).sort((a, b) => items[a]!.deadlineAt - items[b]!.deadlineAt || a - b));
  }));
});

test('a tenant that floods with early deadlines delays another by its window at most', () => {
  const queue = new BatchQueue<string>({ fairnessWindowMs: 10 });
  for (let index = 0; index < 5_000; index += 1) queue.add(work('flood', { tenant: 'flood', deadlineAt: 10_000 + index }));
  for (let batch = 0; batch < 20; batch += 1) formBatch(queue, situation(0));
  queue.add(work('quiet', { tenant: 'quiet', deadlineAt: 90_000 }));
  const first = Array.from({ length: 2 }, () => formBatch(queue, situation(0)).batch!.work.map(({ payload }) => payload)).flat();
  expect(first.indexOf('quiet')).toBeGreaterThanOrEqual(0);
  expect(first.indexOf('quiet')).toBeLessThanOrEqual(11);
});

test('who has been away has saved nothing up', () => {
  const queue = new BatchQueue<string>({ fairnessWindowMs: 0 });
  const add = (count: number, tenant: string) => Array.from({ length: count }, () => queue.add(work(tenant, { tenant })));
  add(1_000, 'steady');
  for (let batch = 0; batch < 10; batch += 1) formBatch(queue, situation(0));
  add(200, 'back');
  const served = Array.from({ length: 4 }, () => formBatch(queue, situation(0)).batch!.work).flat();
  expect(served.filter(({ payload }) => payload === 'back').length).toBe(served.length / 2);
});

test('no batch grows so long that another group’s most urgent work, which could have followed, can no longer', () => {
  const anyWork = fc.record({ group: fc.constantFrom('g', 'h', 'i'), deadlineAt: fc.integer({ min: 2, max: 80 }), tier: fc.constantFrom('vip', 'standard') });
  fc.assert(fc.property(fc.array(anyWork, { minLength: 2, maxLength: 80 }), fc.integer({ min: 0, max: 20 }), (items, startsAt) => {
    const queue = new BatchQueue<string>();
    items.forEach((item, index) => queue.add(work(String(index), item)));
    const { batch, expired } = formBatch(queue, situation(0, { times, startsAt }));
    if (batch === undefined) return;
    const gone = new Set([...batch.work, ...expired].map(({ payload }) => payload));
    const left = items.filter((_, index) => !gone.has(String(index)));
    for (const group of ['g', 'h', 'i'].filter((name) => name !== batch.group)) {
      const earliest = Math.min(...left.filter((item) => item.group === group).map(({ deadlineAt }) => deadlineAt));
      const couldFollow = startsAt + 2 + 2 <= earliest;
      if (couldFollow) expect(startsAt + 1 + batch.work.length + 2).toBeLessThanOrEqual(earliest);
    }
    const tightest = Math.min(...batch.work.map(({ deadlineAt }) => deadlineAt!));
    if (startsAt + 2 <= tightest) expect(startsAt + 1 + batch.work.length).toBeLessThanOrEqual(tightest);
  }));
});

test('work that has waited for as long as its tier may is rejected, or goes on behind all others', () => {
  const queue = new BatchQueue<string>({ tierTimeouts: { free: { ms: 20, action: 'reject' }, standard: { ms: 30, action: 'delay' } } });
  queue.add(work('rejected', { tier: 'free' }));
  queue.add(work('put off'));
  queue.add(work('of an unknown tier', { tier: 'gold' }));
  queue.add(work('patient', { tier: 'vip' }));
  expect(takeExpired(queue, situation(19.9))).toEqual([]);
  expect(takeExpired(queue, situation(20)).map(({ payload }) => payload)).toEqual(['rejected']);
  expect(takeExpired(queue, situation(30))).toEqual([]);
  expect(queue.size).toBe(3);
  queue.add(work('newer', { enqueuedAt: 30 }));
  const batches = [formBatch(queue, situation(30)), formBatch(queue, situation(31))].map(({ batch }) => batch?.work.map(({ payload }) => payload).toSorted());
  expect(batches).toEqual([['newer', 'patient'], ['of an unknown tier', 'put off']]);
  expect(queue.size).toBe(0);
});

test('work that was put off can still be taken out, and counts as expired by its deadline', () => {
  const queue = new BatchQueue<string>({ tierTimeouts: { standard: { ms: 10, action: 'delay' } } });
  const cancelled = queue.add(work('cancelled'));
  queue.add(work('late', { deadlineAt: 40 }));
  expect(takeExpired(queue, situation(15))).toEqual([]);
  expect(queue.remove(cancelled)).toBe(true);
  expect(queue.remove(cancelled)).toBe(false);
  expect(takeExpired(queue, situation(40)).map(({ payload }) => payload)).toEqual(['late']);
  expect(queue.size).toBe(0);
  expect(queue.nextExpiryAt).toBe(Infinity);
});
