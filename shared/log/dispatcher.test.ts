import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssignedPartition } from './assigned-partition.ts';
import { Dispatcher, type DispatcherOptions } from './dispatcher.ts';
import type { RecordQueue } from './record-queue.ts';
import type { Delivery, LogRecord } from './types.ts';

class ArrayQueue implements RecordQueue {
  readonly records: LogRecord[];

  constructor(records: LogRecord[]) {
    this.records = records;
  }

  get lag(): number {
    return this.records.length;
  }

  peek(): LogRecord | undefined {
    return this.records[0];
  }

  shift(): LogRecord | undefined {
    return this.records.shift();
  }
}

/** A dispatcher whose turns of the event loop are the test's. */
function createDispatcher(options: Partial<DispatcherOptions> = {}): { dispatcher: Dispatcher; deliveries: Delivery[]; run: () => void; errors: unknown[] } {
  const turns: (() => void)[] = [];
  const [deliveries, errors]: [Delivery[], unknown[]] = [[], []];
  const dispatcher = new Dispatcher({
    topics: ['a', 'b'],
    maxInFlight: 1_000,
    onRecord: (delivery) => void deliveries.push(delivery),
    onError: (error) => errors.push(error),
    defer: (callback) => turns.push(callback),
    ...options,
  });
  const run = (): void => {
    for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) turn();
  };
  return { dispatcher, deliveries, errors, run };
}

function partitionOf(topic: string, partition: number, timestamps: readonly number[]): AssignedPartition {
  const records = timestamps.map((timestamp, offset) => ({ topic, partition, offset, key: null, value: null, headers: {}, timestamp }));
  return new AssignedPartition({ topic, partition }, new ArrayQueue(records));
}

const seen = (deliveries: readonly Delivery[]): string[] => deliveries.map(({ record }) => `${record.topic}${record.partition}@${record.timestamp}`);

describe('a dispatcher', () => {
  it('merges the records of several partitions by timestamp', () => {
    const { dispatcher, deliveries, run } = createDispatcher();
    for (const partition of [partitionOf('a', 0, [1, 5, 6]), partitionOf('a', 1, [2, 3, 9]), partitionOf('b', 0, [4, 7, 8])]) dispatcher.wake(partition);
    run();
    expect(deliveries.map(({ record }) => record.timestamp)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('keeps offset order inside a partition, whatever the timestamps', () => {
    const check = (given: number[][]): void => {
      const { dispatcher, deliveries, run } = createDispatcher();
      given.forEach((timestamps, partition) => dispatcher.wake(partitionOf('a', partition, timestamps)));
      run();
      given.forEach((timestamps, partition) => {
        const delivered = deliveries.filter(({ record }) => record.partition === partition).map(({ record }) => record.timestamp);
        expect(delivered).toEqual(timestamps);
      });
    };
    fc.assert(fc.property(fc.array(fc.array(fc.nat(20), { maxLength: 20 }), { maxLength: 6 }), check));
  });

  it('delivers nothing before the next turn', () => {
    const { dispatcher, deliveries, run } = createDispatcher();
    dispatcher.wake(partitionOf('a', 0, [1]));
    expect(deliveries).toHaveLength(0);
    run();
    expect(deliveries).toHaveLength(1);
  });

  it('bounds what is in flight by topic', () => {
    const { dispatcher, deliveries, run } = createDispatcher({ maxInFlight: 2 });
    dispatcher.wake(partitionOf('a', 0, [1, 2, 3]));
    dispatcher.wake(partitionOf('a', 1, [1, 2, 3]));
    dispatcher.wake(partitionOf('b', 0, [8, 9]));
    run();
    expect(seen(deliveries).toSorted()).toEqual(['a0@1', 'a1@1', 'b0@8', 'b0@9']);
    deliveries.find(({ record }) => record.topic === 'a')?.ack();
    run();
    expect([deliveries.length, dispatcher.inFlight]).toEqual([5, 4]);
  });

  it('counts an acknowledgement once', () => {
    const { dispatcher, deliveries, run } = createDispatcher({ maxInFlight: 1 });
    dispatcher.wake(partitionOf('a', 0, [1, 2, 3]));
    run();
    for (const _ of [1, 2, 3]) deliveries[0]?.ack();
    run();
    expect([deliveries.length, dispatcher.inFlight]).toEqual([2, 1]);
  });

  it('lets go of what a lost partition had in flight', () => {
    const { dispatcher, deliveries, run } = createDispatcher({ maxInFlight: 2 });
    const [lost, kept] = [partitionOf('a', 0, [1, 2]), partitionOf('a', 1, [3, 4])];
    for (const partition of [lost, kept]) dispatcher.wake(partition);
    run();
    expect(seen(deliveries)).toEqual(['a0@1', 'a0@2']);
    dispatcher.remove(lost);
    run();
    expect(seen(deliveries)).toEqual(['a0@1', 'a0@2', 'a1@3', 'a1@4']);
    for (const delivery of deliveries) delivery.ack();
    expect([dispatcher.inFlight, lost.tracker.watermark, kept.tracker.watermark]).toEqual([0, 0, 2]);
    expect(deliveries.map(({ owned }) => owned)).toEqual([false, false, true, true]);
  });

  it('holds a paused topic and lets the others through', () => {
    const { dispatcher, deliveries, run } = createDispatcher();
    dispatcher.pause(['a']);
    dispatcher.wake(partitionOf('a', 0, [1]));
    dispatcher.wake(partitionOf('b', 0, [2]));
    run();
    expect(seen(deliveries)).toEqual(['b0@2']);
    dispatcher.resume(['a']);
    run();
    expect(seen(deliveries)).toEqual(['b0@2', 'a0@1']);
  });

  it('holds everything while suspended, and everything for good once stopped', () => {
    const { dispatcher, deliveries, run } = createDispatcher();
    dispatcher.suspend();
    dispatcher.wake(partitionOf('a', 0, [1]));
    run();
    expect(deliveries).toHaveLength(0);
    dispatcher.release();
    run();
    expect(deliveries).toHaveLength(1);
    dispatcher.stop();
    dispatcher.wake(partitionOf('a', 1, [2]));
    run();
    expect(deliveries).toHaveLength(1);
  });

  it('stops in the middle of a backlog when a handler says so', () => {
    const seenSoFar: number[] = [];
    const { dispatcher, run } = createDispatcher({
      onRecord: ({ record }) => {
        seenSoFar.push(record.timestamp);
        if (record.timestamp === 2) dispatcher.pause(['a']);
      },
    });
    dispatcher.wake(partitionOf('a', 0, [1, 2, 3, 4]));
    run();
    expect(seenSoFar).toEqual([1, 2]);
  });

  it('gives the event loop its turn within a long backlog', () => {
    const turns: (() => void)[] = [];
    const { dispatcher, deliveries } = createDispatcher({ maxInFlight: 100_000, defer: (callback) => turns.push(callback) });
    dispatcher.wake(partitionOf('a', 0, Array.from({ length: 5_000 }, (_, index) => index)));
    turns.shift()?.();
    expect(deliveries.length).toBeGreaterThan(0);
    expect(deliveries.length).toBeLessThan(5_000);
    expect(turns).toHaveLength(1);
  });

  it('survives a handler that throws', () => {
    const { dispatcher, errors, run } = createDispatcher({
      onRecord: () => {
        throw new Error('defect');
      },
    });
    dispatcher.wake(partitionOf('a', 0, [1, 2]));
    run();
    expect(errors).toHaveLength(2);
    expect(dispatcher.inFlight).toBe(2);
  });
});
