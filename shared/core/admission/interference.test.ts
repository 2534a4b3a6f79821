import { expect, test } from 'vitest';
import { seededRandom } from '../../random/index.ts';
import { BATCH_LIMITS, BatchQueue, BatchTimeModel, formBatch, type Batch } from '../batching/index.ts';
import { AdmissionControl } from './admission-control.ts';

const STEP_MS = 0.5;
const TRANSIT_MS = 20;
const HEARTBEAT_MS = 500;
const WARM_UP_MS = 15_000;
const END_MS = 60_000;

/** As of a ranker on a CPU: a batch costs little more than its requests. */
const batchMs = (size: number) => 0.05 + 0.5 * size;
const CAPACITY_PER_SECOND = 32_000 / batchMs(32);

/** Sessions under the real batching, fed with independent interactive requests, and with bulk by the real admission. */
class Flow {
  readonly #queue = new BatchQueue<null>();
  readonly #times = new BatchTimeModel();
  readonly #control = new AdmissionControl();
  readonly #random = seededRandom(1, 'arrivals');
  readonly #onTheWay: number[] = [];
  readonly #sessions: number;
  #running: { batch: Batch<null>; endsAt: number; ms: number }[] = [];
  #admitted = 0;
  #completed = { interactive: 0, bulk: 0 };
  readonly latenciesMs: number[] = [];
  readonly bulkBatchesMs: number[] = [];
  bulkDone = 0;
  longestBulkWaitMs = 0;

  constructor(sessions: number) {
    this.#sessions = sessions;
  }

  run(interactivePerSecond: number, withBulk: boolean): this {
    let nextAt = 0;
    for (let now = 0; now < END_MS; now += STEP_MS) {
      for (; nextAt <= now; nextAt += (-Math.log(1 - this.#random()) * 1_000) / interactivePerSecond) this.#add('interactive', nextAt);
      if (withBulk && now % 20 === 0) this.#admit(now);
      while ((this.#onTheWay[0] ?? Infinity) <= now) this.#add('bulk', this.#onTheWay.shift() ?? now);
      if (now % HEARTBEAT_MS === 0) this.#beat(now);
      this.#work(now);
    }
    return this;
  }

  #add(lane: 'interactive' | 'bulk', at: number): void {
    this.#queue.add({ payload: null, group: 'g', lane, deadlineAt: null, enqueuedAt: at });
  }

  #admit(now: number): void {
    const before = Math.floor(this.#admitted);
    this.#admitted += this.#control.perSecond({ ofPartitions: 1, admitted: this.#admitted, loopUse: 0, lagMs: 0 }, now) * 0.02;
    for (let count = before; count < Math.floor(this.#admitted); count += 1) this.#onTheWay.push(now + TRANSIT_MS);
  }

  #beat(now: number): void {
    let bulkBacklog = 0;
    for (const { bulk } of this.#queue.groups) bulkBacklog += bulk.size;
    const { interactive, bulk } = this.#completed;
    const load = { model: 'm', precision: 'p', version: '1', running: 0, failed: 0, meanBatchSize: 1, meanBatchMs: 1 };
    const variants = [{ ...load, queued: this.#queue.size, completed: interactive + bulk, bulkCompleted: bulk, bulkBacklog }];
    this.#control.heard({ instance: 'w', variants, resources: { time: now, cpuCores: 1, cpuUse: 0.5, memoryBytes: 1, memoryFreeBytes: 1 } }, now);
  }

  #work(now: number): void {
    const ended = this.#running.filter(({ endsAt }) => endsAt <= now);
    this.#running = this.#running.filter(({ endsAt }) => endsAt > now);
    for (const each of ended) this.#end(each, now);
    while (this.#running.length < this.#sessions) {
      const { batch } = formBatch(this.#queue, { now, startsAt: now, sessions: this.#sessions, bulkRunning: this.#running.filter(({ batch }) => batch.lane === 'bulk').length, times: this.#times, limits: BATCH_LIMITS });
      if (batch === undefined) return;
      const ms = batchMs(batch.work.length);
      this.#running.push({ batch, endsAt: now + ms, ms });
    }
  }

  #end({ batch, ms }: { batch: Batch<null>; ms: number }, now: number): void {
    this.#times.observe(batch.group, batch.work.length, ms, now);
    this.#completed[batch.lane] += batch.work.length;
    if (now < WARM_UP_MS) return;
    const waits = batch.work.map(({ enqueuedAt }) => now - enqueuedAt);
    if (batch.lane === 'interactive') return void this.latenciesMs.push(...waits);
    this.bulkDone += batch.work.length;
    this.bulkBatchesMs.push(ms);
    this.longestBulkWaitMs = Math.max(this.longestBulkWaitMs, ...waits);
  }
}

const quantile = (figures: readonly number[], share: number) => figures.toSorted((a, b) => a - b)[Math.floor(share * figures.length)] ?? Number.NaN;

test.each([
  // Who comes just after a batch of bulk has begun waits for it, and then shares a batch with those who came meanwhile.
  // Where there are several sessions, one is kept free of bulk.
  { sessions: 1, batches: 1.5 },
  { sessions: 2, batches: 1 },
  { sessions: 4, batches: 1 },
])('at half of the capacity of $sessions sessions, a backfill raises p99 by at most $batches of its batches, and gets four fifths of what is left', ({ sessions, batches }) => {
  const half = (sessions * CAPACITY_PER_SECOND) / 2;
  const [alone, beside] = [new Flow(sessions).run(half, false), new Flow(sessions).run(half, true)];
  const riseMs = quantile(beside.latenciesMs, 0.99) - quantile(alone.latenciesMs, 0.99);
  expect(riseMs / quantile(beside.bulkBatchesMs, 0.5)).toBeLessThanOrEqual(batches);
  const bulkPerSecond = beside.bulkDone / ((END_MS - WARM_UP_MS) / 1_000);
  expect(bulkPerSecond / half).toBeGreaterThanOrEqual(0.8);
});

test('beside interactive requests at more than the capacity, bulk goes on, and waits for seconds at most once it is let in', () => {
  const flow = new Flow(1).run(1.2 * CAPACITY_PER_SECOND, true);
  expect(flow.bulkDone).toBeGreaterThan((END_MS - WARM_UP_MS) / 1_000);
  expect(flow.longestBulkWaitMs).toBeLessThan(5_000);
});
