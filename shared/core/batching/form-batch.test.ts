import type { Lane } from '@tandem/schemas';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BATCH_LIMITS, BatchQueue, BatchTimeModel, formBatch, type BatchLimits, type BatchSituation, type BatchTimes, type QueuedWork, type QueueEntry } from './index.ts';
import { largestBatch, mayFormAhead } from './form-batch.ts';

const unknownTimes: BatchTimes = { predict: () => undefined, soonest: () => 0 };
/** t(batch) = 1 + batch ms, just measured. */
const linearTimes: BatchTimes = { predict: (_, size) => 1 + size, soonest: () => 2 };

function situation(now: number, over: Partial<BatchSituation> = {}, limits: Partial<BatchLimits> = {}): BatchSituation {
  return { now, startsAt: now, sessions: 1, times: unknownTimes, limits: { ...BATCH_LIMITS, ...limits }, ...over };
}

let nextId = 0;

function work(over: Partial<QueuedWork<number>> = {}): QueuedWork<number> {
  return { payload: (nextId += 1), group: 'g', lane: 'interactive', deadlineAt: null, enqueuedAt: 0, ...over };
}

function queueOf(...items: QueuedWork<number>[]): BatchQueue<number> {
  const queue = new BatchQueue<number>();
  for (const item of items) queue.add(item);
  return queue;
}

const payloads = (items: readonly QueuedWork<number>[] = []) => items.map(({ payload }) => payload);

const anyWork = fc.record({
  group: fc.constantFrom('a', 'b', 'c'),
  lane: fc.constantFrom<Lane>('interactive', 'bulk'),
  deadlineAt: fc.option(fc.integer({ min: 0, max: 300 })),
  gapMs: fc.integer({ min: 0, max: 20 }),
  tier: fc.constantFrom(undefined, 'vip', 'standard', 'constructor'),
  tenant: fc.constantFrom(undefined, 'acme', 'globex', '__proto__'),
});

test('no work is lost or taken twice, batches are of one group and lane and no larger than allowed', () => {
  fc.assert(fc.property(fc.array(anyWork, { maxLength: 120 }), fc.integer({ min: 1, max: 40 }), fc.boolean(), (arrivals, maxBatchSize, measured) => {
    const queue = new BatchQueue<number>({ patienceMs: 100 });
    const seen: number[] = [];
    let now = 0;
    const drainOnce = () => {
      const decision = formBatch(queue, situation(now, { times: measured ? linearTimes : unknownTimes }, { maxBatchSize, maxQueueDelayMs: 0 }));
      seen.push(...payloads(decision.expired), ...payloads(decision.batch?.work));
      const { batch } = decision;
      if (batch === undefined) return false;
      expect(batch.work.length).toBeLessThanOrEqual(batch.lane === 'bulk' ? Math.max(maxBatchSize, BATCH_LIMITS.maxBulkBatchSize) : maxBatchSize);
      for (const item of batch.work) expect([item.group, item.lane]).toEqual([batch.group, batch.lane]);
      return true;
    };
    arrivals.forEach(({ gapMs, ...item }, index) => {
      now += gapMs;
      queue.add({ ...item, payload: index, enqueuedAt: now });
      if (index % 7 === 0) drainOnce();
    });
    while (drainOnce()) now += 3;
    expect(queue.size).toBe(0);
    expect(seen.toSorted((a, b) => a - b)).toEqual(arrivals.map((_, index) => index));
  }));
});

test('sessions of one lane run that lane alone, longer batches of bulk than where interactive work would wait for them', () => {
  const queue = queueOf(...Array.from({ length: 100 }, () => work({ lane: 'bulk' })), work({ group: 'h' }), work({ group: 'h' }));
  const times: BatchTimes = { predict: (_, size) => 30 + size, soonest: () => 0 };
  const limits = { maxQueueDelayMs: 0, maxBatchSize: 32, maxBulkBatchSize: 64 };
  const next = (lane?: Lane) => formBatch(queue, situation(0, { times, lane }, limits)).batch;
  expect(next('bulk')).toMatchObject({ lane: 'bulk', work: { length: 64 } });
  expect(next('interactive')).toMatchObject({ lane: 'interactive', group: 'h', work: { length: 2 } });
  expect(next('interactive')).toBeUndefined();
  expect(mayFormAhead(queue, situation(0, { lane: 'bulk' }))).toBe(true);
  expect(mayFormAhead(queue, situation(0))).toBe(false);
  expect(largestBatch(queue, situation(0, { lane: 'bulk' }))).toBe(32);
  expect(largestBatch(queue, situation(0, { lane: 'interactive' }))).toBe(0);
  // Where both share, it delays who comes next for a moment only.
  expect(next()).toMatchObject({ lane: 'bulk', work: { length: 1 } });
});

test('inside a lane the earliest due goes first, equal ones in order of arrival', () => {
  fc.assert(fc.property(fc.array(fc.option(fc.integer({ min: 1, max: 50 })), { minLength: 1, maxLength: 60 }), (deadlines) => {
    const queue = new BatchQueue<number>({ patienceMs: 25 });
    deadlines.forEach((deadlineAt, index) => queue.add(work({ payload: index, deadlineAt })));
    const order: number[] = [];
    for (let decision = formBatch(queue, situation(0, {}, { maxBatchSize: 5, maxQueueDelayMs: 0 })); decision.batch !== undefined;) {
      order.push(...payloads(decision.batch.work));
      decision = formBatch(queue, situation(0, {}, { maxBatchSize: 5, maxQueueDelayMs: 0 }));
    }
    const due = (index: number) => deadlines[index] ?? 25;
    expect(order).toEqual(deadlines.map((_, index) => index).sort((a, b) => due(a) - due(b) || a - b));
  }));
});

test('no deadline is broken by choice: a batch ends before the tightest deadline in it, and nothing is given up while nothing is lost', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 13, max: 60 }), { minLength: 1, maxLength: 50 }), fc.integer({ min: 0, max: 10 }), (deadlines, busyMs) => {
    const queue = queueOf(...deadlines.map((deadlineAt) => work({ deadlineAt })));
    const { batch, expired } = formBatch(queue, situation(0, { times: linearTimes, startsAt: busyMs }, { maxQueueDelayMs: 0 }));
    expect(expired).toEqual([]);
    expect(busyMs + 1 + batch!.work.length).toBeLessThanOrEqual(Math.min(...batch!.work.map(({ deadlineAt }) => deadlineAt!)));
  }));
});

/** Requests at a multiple of what one session can do in full batches: the share of that which is in time. After a batch the session is kept for `handOverMs`. */
function shareInTime(load: number, { groups = 1, msOf = (size: number) => 4 + size / 10, handOverMs = 0, isTold = true, dueMs = 50 } = {}): number {
  const times = new BatchTimeModel();
  const queue = new BatchQueue<number>();
  const perMs = 32 / msOf(32);
  let [now, arrived, inTime] = [0, 0, 0];
  while (now < 5_000) {
    for (; arrived / (load * perMs) <= now; arrived += 1) {
      queue.add(work({ group: `g${arrived % groups}`, enqueuedAt: arrived / (load * perMs), deadlineAt: arrived / (load * perMs) + dueMs }));
    }
    const { batch } = formBatch(queue, situation(now, { times }, { maxQueueDelayMs: 0 }));
    if (batch === undefined) {
      now += 0.1;
      continue;
    }
    const ms = msOf(batch.work.length);
    now += ms + handOverMs;
    times.observe(batch.group, batch.work.length, isTold ? ms + handOverMs : ms, now);
    inTime += batch.work.filter(({ deadlineAt }) => deadlineAt! >= now).length;
  }
  return inTime / (5_000 * perMs);
}

test.each([1.2, 2, 5])('at %f times the capacity nearly all of the capacity goes into answers in time', (load) => {
  expect(shareInTime(load)).toBeGreaterThan(0.9);
});

test('where work is of many groups, each with less than a full batch, most of the capacity still goes into answers in time', () => {
  expect(shareInTime(1.5, { groups: 6, msOf: (size) => 1 + 0.2 * size, dueMs: 30 })).toBeGreaterThan(0.8);
});

test('times that leave out how long a session is kept after a batch cost a quarter of what could be in time', () => {
  const kept = { msOf: (size: number) => 1 + 0.2 * size, handOverMs: 2 };
  const [told, untold] = [shareInTime(1.5, kept), shareInTime(1.5, { ...kept, isTold: false })];
  expect(told).toBeGreaterThan(0.75);
  expect(untold).toBeLessThan(0.75 * told);
});

test('a batch is as large as the measured curve allows before the tightest deadline', () => {
  const queue = queueOf(work({ deadlineAt: 11 }), ...Array.from({ length: 30 }, () => work({ deadlineAt: 500 })));
  expect(formBatch(queue, situation(0, { times: linearTimes })).batch?.work).toHaveLength(10);
});

test('expired work comes out at once, also from behind work that has no deadline', () => {
  const overdue = work({ deadlineAt: 900, enqueuedAt: 850 });
  const patient = work({ enqueuedAt: -500 });
  const { expired, batch } = formBatch(queueOf(patient, overdue), situation(900));
  expect(expired).toEqual([overdue]);
  expect(batch?.work).toEqual([patient]);
});

test('work that even a batch of one cannot answer in time is not computed', () => {
  const hopeless = work({ deadlineAt: 11 });
  const { expired, batch } = formBatch(queueOf(hopeless), situation(0, { startsAt: 10, times: linearTimes }));
  expect(expired).toEqual([hopeless]);
  expect(batch).toBeUndefined();
});

test('interactive goes before bulk, but bulk is passed over for no longer than its bound', () => {
  const queue = queueOf(work({ lane: 'bulk', enqueuedAt: 0 }), work({ lane: 'bulk', enqueuedAt: 0 }));
  const lanes: Lane[] = [];
  for (let now = 0; now <= 2_400; now += 400) {
    queue.add(work({ enqueuedAt: now }));
    const { batch } = formBatch(queue, situation(now, {}, { maxBatchSize: 1, bulkEveryMs: 1_000 }));
    lanes.push(batch!.lane);
  }
  expect(lanes).toEqual(['interactive', 'interactive', 'interactive', 'bulk', 'interactive', 'interactive', 'bulk']);
});

test('bulk runs at once where there is nothing interactive', () => {
  expect(formBatch(queueOf(work({ lane: 'bulk' })), situation(0)).batch?.lane).toBe('bulk');
});

/** Requests every half millisecond; batches of 4 cost hardly more than batches of 1. */
function busyQueue(count = 1, deadlineAt: number | null = null): { queue: BatchQueue<number>; now: number } {
  const queue = new BatchQueue<number>({ patienceMs: 1_000 });
  let now = 0;
  for (; now < 5_000; now += 0.5) queue.add(work({ enqueuedAt: now, deadlineAt: now + 0.25 }));
  formBatch(queue, situation(now));
  for (let index = 0; index < count; index += 1) queue.add(work({ enqueuedAt: now, deadlineAt }));
  return { queue, now };
}

const flatTimes: BatchTimes = { predict: (_, size) => 4 + 0.1 * size, soonest: () => 0 };

test('a free session waits for company where that raises goodput, and at most for the configured delay', () => {
  const { queue, now } = busyQueue();
  expect(formBatch(queue, situation(now, { times: flatTimes })).waitUntil).toBe(now + 5);
  expect(formBatch(queue, situation(now + 5, { times: flatTimes })).batch?.work).toHaveLength(1);
});

test.each<[string, Partial<BatchSituation>, Partial<BatchLimits>, number | null]>([
  ['nothing is configured', { times: flatTimes }, { maxQueueDelayMs: 0 }, null],
  ['nothing has been measured', {}, {}, null],
  ['larger batches are no cheaper', { times: { predict: (_, size) => 4 * size, soonest: () => 0 } }, {}, null],
  ['there are sessions enough', { times: flatTimes, sessions: 16 }, {}, null],
  ['a deadline would not allow it', { times: flatTimes }, {}, 5_008],
  ['no size is preferred', { times: flatTimes }, { preferredBatchSizes: [] }, null],
])('a free session does not wait where %s', (_, over, limits, deadlineAt) => {
  const { queue, now } = busyQueue(1, deadlineAt);
  expect(formBatch(queue, situation(now, over, limits)).batch?.work).toHaveLength(1);
});

test('a free session does not wait where too little work comes', () => {
  expect(formBatch(queueOf(work()), situation(0, { times: flatTimes })).batch?.work).toHaveLength(1);
});

test('the model of batch times is monotone, never below what it saw fastest, and silent about what it does not know', () => {
  const model = new BatchTimeModel();
  expect(model.predict('g', 4)).toBeUndefined();
  expect(model.soonest('g', 0)).toBe(0);
  fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 64 }), fc.double({ min: 0.1, max: 100, noNaN: true })), { minLength: 1, maxLength: 80 }), (samples) => {
    const fitted = new BatchTimeModel();
    for (const [size, ms] of samples) fitted.observe('g', size, ms, 0);
    const fastest = Math.min(...samples.map(([, ms]) => ms));
    let before = 0;
    for (let size = 1; size <= 64; size += 1) {
      const predicted = fitted.predict('g', size)!;
      expect(predicted).toBeGreaterThanOrEqual(before - 1e-9);
      expect(predicted).toBeGreaterThanOrEqual(fastest * 0.999_999);
      before = predicted;
    }
  }));
});

test('the model of batch times learns a curve and interpolates it', () => {
  const model = new BatchTimeModel();
  for (let round = 0; round < 20; round += 1) for (const size of [1, 8, 32]) model.observe('g', size, 1 + size, round);
  expect(model.predict('g', 1)).toBeCloseTo(2);
  expect(model.predict('g', 20)).toBeCloseTo(21);
  expect(model.predict('g', 64)).toBeCloseTo(66);
});

test('one hiccup turns no work away, and old measurements do not either', () => {
  const model = new BatchTimeModel();
  for (const ms of [2, 2, 2, 2_000]) model.observe('g', 1, ms, 100);
  expect(model.soonest('g', 100)).toBeLessThan(110);
  expect(model.soonest('g', 2_000)).toBe(0);
});

test('removals, batches and expiries together account for each piece of work once, and the size is right throughout', () => {
  const step = fc.oneof(fc.record({ add: anyWork }), fc.record({ remove: fc.nat() }), fc.record({ run: fc.integer({ min: 1, max: 9 }) }));
  fc.assert(fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
    const queue = new BatchQueue<number>({ patienceMs: 100 });
    const entries = new Map<number, QueueEntry<number>>();
    const left = new Set<number>();
    let now = 0;
    const leave = (payload: number) => {
      expect(left.delete(payload)).toBe(true);
    };
    for (const [index, one] of steps.entries()) {
      now += 3;
      if ('add' in one) {
        entries.set(index, queue.add({ ...one.add, payload: index, enqueuedAt: now }));
        left.add(index);
      } else if ('remove' in one) {
        const chosen = [...entries.keys()][one.remove % Math.max(1, entries.size)];
        if (chosen === undefined) continue;
        const wasThere = left.has(chosen);
        expect(queue.remove(entries.get(chosen)!)).toBe(wasThere);
        if (wasThere) leave(chosen);
      } else {
        const { expired, batch } = formBatch(queue, situation(now, {}, { maxBatchSize: one.run, maxBulkBatchSize: one.run, maxQueueDelayMs: 0 }));
        for (const payload of [...payloads(expired), ...payloads(batch?.work)]) leave(payload);
      }
      expect(queue.size).toBe(left.size);
      if (left.size === 0) expect(queue.bulkWaitMs(now)).toBe(0);
    }
  }));
});

test('all work of some groups can be taken at once', () => {
  const queue = queueOf(work({ group: 'a|x', payload: 1 }), work({ group: 'a|y', lane: 'bulk', payload: 2 }), work({ group: 'b|x', payload: 3 }));
  expect(payloads(queue.takeAll((group) => group.startsWith('a|'), 0)).toSorted()).toEqual([1, 2]);
  expect(queue.size).toBe(1);
  expect(queue.bulkWaitMs(9_999)).toBe(0);
});

test('bulk that has the machine to itself goes in large batches', () => {
  const queue = queueOf(...Array.from({ length: 300 }, () => work({ lane: 'bulk', enqueuedAt: 5_000 })));
  expect(formBatch(queue, situation(5_000, { times: linearTimes })).batch?.work).toHaveLength(128);
});

test('bulk grows its batches only where that pays by the measured curve', () => {
  const times = new BatchTimeModel();
  const sizeNow = () => {
    const queue = queueOf(...Array.from({ length: 300 }, () => work({ lane: 'bulk', enqueuedAt: 5_000 })));
    return formBatch(queue, situation(5_000, { times })).batch!.work.length;
  };
  const ran = (size: number, msPerRequest: number) => {
    for (let time = 0; time < 5; time += 1) times.observe('g', size, size * msPerRequest, 5_000);
  };
  ran(32, 1);
  expect(sizeNow()).toBe(128);
  ran(128, 1.3);
  ran(64, 0.9);
  expect(sizeNow()).toBe(64);
  ran(64, 1.2);
  expect(sizeNow()).toBe(32);
});

test('while interactive work is about, a batch of bulk takes no longer than it may delay what comes next', () => {
  const bulk = () => Array.from({ length: 300 }, () => work({ lane: 'bulk', enqueuedAt: 5_000 }));
  const sizeAfter = (sinceMs: number, times: BatchTimes) => {
    const queue = queueOf(work({ enqueuedAt: 5_000 - sinceMs }), ...bulk());
    const all = situation(5_000, { times }, { maxBulkBatchMs: 25 });
    expect(formBatch(queue, all).batch?.lane).toBe('interactive');
    return formBatch(queue, all).batch?.work.length;
  };
  expect(sizeAfter(900, linearTimes)).toBe(24);
  expect(sizeAfter(900, { ...linearTimes, predict: () => 90 })).toBe(1);
  expect(sizeAfter(900, unknownTimes)).toBe(32);
  expect(sizeAfter(1_100, linearTimes)).toBe(128);
});

test('bulk is not formed ahead of a free session while interactive work is about', () => {
  const queue = queueOf(work({ enqueuedAt: 5_000 }), work({ lane: 'bulk', enqueuedAt: 5_000 }));
  expect(mayFormAhead(queue, situation(5_000))).toBe(true);
  formBatch(queue, situation(5_000));
  expect(mayFormAhead(queue, situation(5_000))).toBe(false);
  expect(mayFormAhead(queue, situation(6_001))).toBe(true);
});

test('under interactive work that never ends, bulk of every group still gets its batches', () => {
  const queue = queueOf(...Array.from({ length: 400 }, (_, index) => work({ lane: 'bulk', group: index % 2 === 0 ? 'g' : 'h', enqueuedAt: 0 })));
  const ran = new Map<string, number>();
  let longestWait = 0;
  let lastBulkAt = 0;
  for (let now = 0; now < 60_000; now += 20) {
    for (let arrival = 0; arrival < 40; arrival += 1) queue.add(work({ enqueuedAt: now, deadlineAt: now + 5_000 }));
    const { batch } = formBatch(queue, situation(now, { times: linearTimes }));
    if (batch?.lane !== 'bulk') continue;
    longestWait = Math.max(longestWait, now - lastBulkAt);
    lastBulkAt = now;
    ran.set(batch.group, (ran.get(batch.group) ?? 0) + batch.work.length);
  }
  expect(longestWait).toBeLessThanOrEqual(BATCH_LIMITS.bulkEveryMs + 20);
  expect([...ran.entries()].toSorted()).toEqual([['g', 200], ['h', 200]]);
});

test('one session of several stays free of bulk while interactive work is about, unless bulk has been passed over for long', () => {
  const queue = queueOf(work({ lane: 'interactive' }), work({ lane: 'bulk' }), work({ lane: 'bulk' }));
  const lane = (now: number, bulkRunning: number, sessions = 2) => formBatch(queue, situation(now, { sessions, bulkRunning }, { maxBatchSize: 1, bulkEveryMs: 5_000 })).batch?.lane;
  expect(lane(0, 0)).toBe('interactive');
  expect(lane(10, 1)).toBeUndefined();
  expect(lane(20, 0)).toBe('bulk');
  expect(lane(2_000, 1)).toBe('bulk');
});

test('where all whose turn it is has been given up, another group goes: no batch is empty', () => {
  const times: BatchTimes = { predict: (_, size) => 20 + size, soonest: () => 1 };
  const at = (now: number) => situation(now, { times }, { maxBatchSize: 4 });
  const vip = (deadlineAt: number) => work({ group: 'a', tier: 'vip', deadlineAt });
  // vip has had more than its share, while others wait.
  const queue = queueOf(work({ group: 'b', deadlineAt: 9_000 }), ...Array.from({ length: 7 }, () => vip(500)));
  for (let batch = 0; batch < 2; batch += 1) formBatch(queue, at(0));
  for (let lost = 0; lost < 3; lost += 1) queue.add(work({ group: 'b', deadlineAt: 1 }));
  for (let waiting = 0; waiting < 5; waiting += 1) queue.add(vip(10_000));
  for (let urgent = 0; urgent < 2; urgent += 1) queue.add(work({ group: 'a', deadlineAt: 10 }));
  const { expired, batch } = formBatch(queue, at(2));
  expect(expired).toHaveLength(5);
  expect(batch).toMatchObject({ group: 'b', work: [{ deadlineAt: 9_000 }] });
});
