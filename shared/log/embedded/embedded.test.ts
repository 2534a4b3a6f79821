import type { TopicSpec } from '@tandem/schemas';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Clock } from '../../clock/index.ts';
import type { Delivery, LogRecord } from '../types.ts';
import { createEmbeddedLog, type EmbeddedLog } from './index.ts';
import type { EmbeddedLogOptions } from './options.ts';

/** A clock and an event loop that move when the test says so. */
class Simulation {
  #now = 1_000_000;
  #timers: { at: number; callback: () => void }[] = [];
  readonly #turns: (() => void)[] = [];

  readonly clock: Clock = {
    now: () => this.#now,
    schedule: (at, callback) => {
      const timer = { at, callback };
      this.#timers.push(timer);
      return () => (this.#timers = this.#timers.filter((each) => each !== timer));
    },
  };
  readonly defer = (callback: () => void): void => void this.#turns.push(callback);

  run(): void {
    for (let turn = this.#turns.shift(); turn !== undefined; turn = this.#turns.shift()) turn();
  }

  advance(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { callback } of due) callback();
    this.run();
  }
}

function createLog(options: EmbeddedLogOptions = {}): { log: EmbeddedLog; simulation: Simulation } {
  const simulation = new Simulation();
  const log = createEmbeddedLog({ clock: simulation.clock, defer: simulation.defer, ...options });
  onTestFinished(() => log.close());
  return { log, simulation };
}

function spec(over: Partial<TopicSpec> = {}): TopicSpec {
  const settings = { partitions: 1, cleanup: 'delete', retentionMs: 3_600_000, maxRecordBytes: 100_000, timestamps: 'create' } as const;
  return { name: 't', producer: 'p', consumer: 'c', schema: 'S', key: 'k', ...settings, ...over };
}

const kilobytes = (count: number, key = 'a'): { topic: string; key: string; value: Buffer }[] =>
  Array.from({ length: count }, () => ({ topic: 't', key, value: Buffer.alloc(1_000) }));

describe('the memory of an embedded log', () => {
  it('is bounded: at the bound, sending fails and says that it can be tried again', async () => {
    const { log } = createLog({ retainBytes: 10_000, maxBytes: 50_000 });
    await log.admin.ensureTopics([spec()]);
    log.consumer({ groupId: 'slow', topics: ['t'], onRecord: () => undefined }).start().catch(() => undefined);
    const producer = await log.producer();
    await producer.send(kilobytes(40));
    await expect(producer.send(kilobytes(20))).rejects.toMatchObject({ code: 'log_full', retryable: true });
    expect(log.bytes).toBeLessThan(50_000);
    expect((await log.admin.offsets('t'))[0]?.latest).toBe(40);
  });

  it('is freed by consuming, so that sending works again', async () => {
    const { log, simulation } = createLog({ retainBytes: 10_000, maxBytes: 50_000 });
    await log.admin.ensureTopics([spec()]);
    const consumer = log.consumer({ groupId: 'g', topics: ['t'], onRecord: (delivery) => delivery.ack() });
    const started = consumer.start();
    simulation.run();
    await started;
    const producer = await log.producer();
    for (let round = 0; round < 50; round++) {
      await producer.send(kilobytes(20));
      simulation.run();
      simulation.advance(1_000);
    }
    expect((await log.admin.offsets('t'))[0]?.latest).toBe(1_000);
    expect(log.bytes).toBeLessThanOrEqual(50_000);
  });

  it('has room for what a stage writes when its input has filled it, so that the input is consumed', async () => {
    const { log, simulation } = createLog({ retainBytes: 10_000, maxBytes: 100_000 });
    await log.admin.ensureTopics([spec(), spec({ name: 'out' })]);
    const producer = await log.producer();
    const inputs: Delivery[] = [];
    const stage = log.consumer({ groupId: 'stage', topics: ['t'], onRecord: (delivery) => void inputs.push(delivery) });
    const sink = log.consumer({ groupId: 'sink', topics: ['out'], onRecord: (delivery) => delivery.ack() });
    const started = Promise.all([stage.start(), sink.start()]);
    simulation.run();
    await started;
    const fill = async (): Promise<void> => {
      for (;;) await producer.send(kilobytes(1));
    };
    await expect(fill()).rejects.toMatchObject({ code: 'log_full', retryable: true });
    simulation.run();
    const [{ latest: filled } = { latest: 0 }] = await log.admin.offsets('t');
    expect(inputs.length).toBe(filled);
    for (const input of inputs) {
      await producer.send(kilobytes(1).map((record) => ({ ...record, topic: 'out' })));
      input.ack();
      simulation.advance(1_000);
      expect(log.bytes).toBeLessThanOrEqual(100_000);
    }
    await expect(producer.send(kilobytes(1))).resolves.toBeUndefined();
  });

  it('is kept from filling by several topics together', async () => {
    const { log, simulation } = createLog({ retainBytes: 10_000, maxBytes: 100_000 });
    await log.admin.ensureTopics([spec(), spec({ name: 'other' }), spec({ name: 'out' })]);
    log.consumer({ groupId: 'absent', topics: ['t', 'other', 'out'], onRecord: () => undefined }).start().catch(() => undefined);
    simulation.run();
    const producer = await log.producer();
    const refused = new Set<string>();
    for (let round = 0; round < 200; round++) {
      const topic = round % 2 === 0 ? 't' : 'other';
      await producer.send(kilobytes(1).map((record) => ({ ...record, topic }))).catch(() => refused.add(topic));
    }
    expect([...refused].toSorted()).toEqual(['other', 't']);
    await expect(producer.send(kilobytes(5).map((record) => ({ ...record, topic: 'out' })))).resolves.toBeUndefined();
    expect(log.bytes).toBeLessThanOrEqual(100_000);
  });

  it('holds what any one group still needs', async () => {
    const { log, simulation } = createLog({ retainBytes: 5_000, maxBytes: 60_000 });
    await log.admin.ensureTopics([spec()]);
    const seen: LogRecord[] = [];
    const fast = log.consumer({ groupId: 'fast', topics: ['t'], onRecord: (delivery) => delivery.ack() });
    const slow = log.consumer({ groupId: 'slow', topics: ['t'], onRecord: ({ record }) => void seen.push(record) });
    const started = Promise.all([fast.start(), slow.start()]);
    simulation.run();
    await started;
    slow.pause();
    const producer = await log.producer();
    for (let index = 0; index < 40; index++) {
      await producer.send(kilobytes(1));
      simulation.advance(1_000);
    }
    slow.resume();
    simulation.run();
    expect(seen.map(({ offset }) => offset)).toEqual(Array.from({ length: 40 }, (_, offset) => offset));
  });

  it('loses expired records when it needs room, as retention says', async () => {
    const { log, simulation } = createLog({ retainBytes: 10_000, maxBytes: 20_000 });
    await log.admin.ensureTopics([spec({ retentionMs: 60_000 })]);
    log.consumer({ groupId: 'absent', topics: ['t'], onRecord: () => undefined }).start().catch(() => undefined);
    const producer = await log.producer();
    await producer.send(kilobytes(15));
    simulation.advance(61_000);
    await producer.send(kilobytes(10));
    expect((await log.admin.offsets('t'))[0]).toMatchObject({ earliest: 15, latest: 25 });
  });

  it('does not grow with the versions of a compacted topic', async () => {
    const { log } = createLog();
    await log.admin.ensureTopics([spec({ cleanup: 'compact' })]);
    const producer = await log.producer();
    for (let version = 0; version < 2_000; version++) await producer.send(kilobytes(1, `key-${version % 3}`));
    expect(log.bytes).toBeLessThan(150_000);
  });
});

describe('an embedded consumer', () => {
  it('that crashes says so, comes back, and is given again what it had not acknowledged', async () => {
    const { log, simulation } = createLog();
    await log.admin.ensureTopics([spec()]);
    const [offsets, faults]: [number[], unknown[]] = [[], []];
    const consumer = log.consumer({
      groupId: 'g',
      topics: ['t'],
      onRecord: ({ record }) => void offsets.push(record.offset),
      onFault: (error) => void faults.push(error),
    });
    const started = consumer.start();
    simulation.run();
    await started;
    await (await log.producer()).send(kilobytes(3));
    simulation.run();
    consumer.crash(new Error('connection lost'));
    simulation.run();
    expect([consumer.assignment.length, faults.map(String)]).toEqual([0, ['Error: connection lost']]);
    simulation.advance(1_000);
    expect([consumer.assignment.length, offsets]).toEqual([1, [0, 1, 2, 0, 1, 2]]);
  });
});

describe('the options of an embedded log', () => {
  it('that contradict each other are refused by name', () => {
    expect(() => createEmbeddedLog({ retainBytes: 10, maxBytes: 5 })).toThrow(/retainBytes must not exceed maxBytes/);
  });
});
