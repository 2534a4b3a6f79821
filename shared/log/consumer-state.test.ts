import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveConsumerOptions } from './consumer-options.ts';
import { ConsumerState } from './consumer-state.ts';
import type { RecordQueue } from './record-queue.ts';
import type { Delivery, LogRecord } from './types.ts';

const TOPIC = 't';
const PARTITIONS = [0, 1, 2];

class Queue implements RecordQueue {
  readonly records: LogRecord[] = [];
  peek = (): LogRecord | undefined => this.records[0];
  shift = (): LogRecord | undefined => this.records.shift();
  get lag(): number {
    return this.records.length;
  }
}

type Step =
  | { what: 'assign'; partitions: number[] }
  | { what: 'fetch'; partition: number; gap: number; count: number }
  | { what: 'ack'; which: number }
  | { what: 'commit' }
  | { what: 'run' };

const partition = fc.constantFrom(...PARTITIONS);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ what: fc.constant('assign' as const), partitions: fc.subarray(PARTITIONS) }),
  fc.record({ what: fc.constant('fetch' as const), partition, gap: fc.nat(3), count: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ what: fc.constant('ack' as const), which: fc.nat(50) }),
  fc.record({ what: fc.constant('ack' as const), which: fc.nat(50) }),
  fc.constant({ what: 'commit' as const }),
  fc.constant({ what: 'run' as const }),
);

/** A group's only broker: what is committed, and where a partition is read when it is assigned. */
class World {
  readonly deliveries: Delivery[] = [];
  readonly acked = new Set<Delivery>();
  readonly committed = new Map<number, number>();
  readonly state: ConsumerState<Queue>;
  readonly #positions = new Map<number, number>();
  #deferred: (() => void)[] = [];

  constructor() {
    this.state = new ConsumerState({
      consumer: resolveConsumerOptions({ groupId: 'g', topics: [TOPIC], maxInFlight: 8, onRecord: (delivery) => this.deliveries.push(delivery) }),
      createQueue: ({ partition: number }) => {
        this.#positions.set(number, this.committed.get(number) ?? 0);
        return new Queue();
      },
      onAcked: () => undefined,
      onError: (error) => {
        throw error;
      },
      defer: (callback) => this.#deferred.push(callback),
    });
  }

  do(given: Step): void {
    switch (given.what) {
      case 'assign':
        return this.state.assign(given.partitions.map((number) => ({ topic: TOPIC, partition: number })));
      case 'fetch':
        return this.#fetch(given);
      case 'ack':
        return this.#ack(given.which);
      case 'commit':
        return this.#commit();
      case 'run':
        for (const callback of this.#deferred.splice(0)) callback();
    }
  }

  /** Delivered while the partition was ours without a break until now, and not acknowledged. */
  get open(): Delivery[] {
    return this.deliveries.filter((delivery) => delivery.owned && !this.acked.has(delivery));
  }

  #fetch({ partition: number, gap, count }: { partition: number; gap: number; count: number }): void {
    const assigned = this.state.get(TOPIC, number);
    if (assigned === undefined) return;
    // Gaps are where compaction was: the same each time.
    let offset = (this.#positions.get(number) ?? 0) + gap;
    for (let record = 0; record < count; record++, offset++) {
      assigned.queue.records.push({ topic: TOPIC, partition: number, offset, key: null, value: null, headers: {}, timestamp: offset });
    }
    this.#positions.set(number, offset);
    this.state.dispatcher.wake(assigned);
  }

  #ack(which: number): void {
    const delivery = this.deliveries[which];
    if (delivery === undefined) return;
    this.acked.add(delivery);
    delivery.ack();
  }

  #commit(): void {
    const points = this.state.uncommitted();
    for (const { partition: number, offset } of points) this.committed.set(number, offset);
    this.state.committed(points);
  }
}

describe('what a consumer is to commit', () => {
  it('never passes a record that is in flight, through any assignments, gaps and orders of acknowledgement', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const world = new World();
        for (const given of steps) {
          const before = new Map(world.committed);
          world.do(given);
          for (const { partition: number, offset } of world.state.uncommitted()) {
            const open = world.open.filter(({ record }) => record.partition === number).map(({ record }) => record.offset);
            expect(offset).toBeLessThanOrEqual(Math.min(Number.POSITIVE_INFINITY, ...open));
          }
          for (const [number, offset] of world.committed) expect(offset).toBeGreaterThanOrEqual(before.get(number) ?? 0);
          expect(world.state.dispatcher.inFlight).toBe(world.open.length);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is all that was delivered, once all of it is acknowledged', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const world = new World();
        for (const given of steps) world.do(given);
        for (let round = 0; round < 100; round++) {
          world.do({ what: 'run' });
          for (const [which, { owned }] of world.deliveries.entries()) if (owned) world.do({ what: 'ack', which });
        }
        world.do({ what: 'commit' });
        for (const { record } of world.deliveries.filter(({ owned }) => owned)) expect(world.committed.get(record.partition)).toBeGreaterThan(record.offset);
        expect(world.state.uncommitted()).toEqual([]);
      }),
    );
  });
});
