import type { Kafka } from 'kafkajs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ManualClock } from '../../clock/index.ts';
import { silentLogger } from '../../telemetry/logger.ts';
import type { LogRecord } from '../types.ts';
import type { FetchRequest } from './direct-cluster.ts';
import type { FetchAnswer, FetchedPartition } from './fetch-response.ts';
import { resolveKafkaLogOptions } from './options.ts';
import { KafkaTail } from './tail.ts';

const OFFSET_OUT_OF_RANGE = 1;

/** Follows partition 0 of topic `t`, of which each broker has what the test says. */
class Follower {
  leader = 1;
  topicId = 'first';
  /** By broker: where what it has ends. */
  readonly ends = new Map([[1, 5], [2, 5]]);
  readonly offsets: number[] = [];
  readonly clock = new ManualClock();
  beyondEnd = 0;
  readonly faults: unknown[] = [];

  constructor() {
    const config = resolveKafkaLogOptions({ brokers: ['127.0.0.1:9'], clientId: 'test', logger: silentLogger, clock: this.clock });
    const cluster = {
      leaders: () => Promise.resolve([this.leader]),
      refresh: () => Promise.resolve(),
      reset: () => undefined,
      topicId: () => Promise.resolve(this.topicId),
      offset: () => Promise.resolve(0),
      fetch: (broker: number, request: FetchRequest) => this.#fetch(broker, request),
    };
    const options = { topic: 't', onRecord: ({ offset }: LogRecord) => void this.offsets.push(offset), onFault: (error: unknown) => void this.faults.push(error) };
    const tail = new KafkaTail({} as Kafka, config, options, new Map(), cluster);
    onTestFinished(() => tail.close());
    tail.start();
  }

  /** Has read to the end, which then lies further back. */
  async readsToAnEndThatGoesBack(): Promise<void> {
    await this.has([0, 1, 2, 3, 4]);
    this.ends.set(1, 2);
    await vi.waitFor(() => expect(this.beyondEnd).toBeGreaterThan(0), 10_000);
  }

  async has(offsets: readonly number[]): Promise<void> {
    await vi.waitFor(() => expect(this.offsets).toEqual(offsets), 10_000);
  }

  async #fetch(broker: number, { partitions }: FetchRequest): Promise<FetchAnswer> {
    await new Promise((resolve) => void setTimeout(resolve, 5));
    return { throttled: false, errorCode: 0, sessionId: 0, partitions: partitions.map(({ partition, offset }) => this.#fetched(partition, offset, this.ends.get(broker) ?? 0)) };
  }

  #fetched(partition: number, offset: number, end: number): FetchedPartition {
    if (offset > end) this.beyondEnd++;
    const records = offset < end ? [{ topic: 't', partition, offset, key: null, value: null, headers: {}, timestamp: 0 }] : [];
    const errorCode = offset > end ? OFFSET_OUT_OF_RANGE : 0;
    return { topic: 't', partition, errorCode, highWatermark: end, lastStableOffset: end, records, next: records.length > 0 ? offset + 1 : undefined, appendedAt: undefined };
  }
}

describe('a tail of a partition that ends before what was read of it', () => {
  it('goes on where it was when another broker turns out to lead it', async () => {
    const follower = new Follower();
    await follower.readsToAnEndThatGoesBack();
    follower.ends.set(2, 6);
    follower.leader = 2;
    await follower.has([0, 1, 2, 3, 4, 5]);
    expect(follower.faults).toEqual([]);
  });

  it('reads it from its start when that has lasted for ten seconds', async () => {
    const follower = new Follower();
    await follower.readsToAnEndThatGoesBack();
    follower.clock.advance(9_999);
    const asked = follower.beyondEnd;
    await vi.waitFor(() => expect(follower.beyondEnd).toBeGreaterThan(asked + 1), 10_000);
    expect(follower.offsets).toEqual([0, 1, 2, 3, 4]);
    follower.clock.advance(1);
    await follower.has([0, 1, 2, 3, 4, 0, 1]);
  });

  it('reads it from its start when the same leader has grown past what was read', async () => {
    const follower = new Follower();
    await follower.readsToAnEndThatGoesBack();
    follower.ends.set(1, 7);
    await follower.has([0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6]);
  });

  it('reads it from its start at once when the topic is another one', async () => {
    const follower = new Follower();
    await follower.readsToAnEndThatGoesBack();
    follower.topicId = 'second';
    await follower.has([0, 1, 2, 3, 4, 0, 1]);
  });
});
