import type { Kafka } from 'kafkajs';
import { describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../../clock/index.ts';
import { silentLogger } from '../../telemetry/logger.ts';
import type { FetchRequest } from './direct-cluster.ts';
import type { FetchAnswer, FetchedPartition } from './fetch-response.ts';
import { resolveKafkaLogOptions } from './options.ts';
import { PartitionReader } from './partition-reader.ts';

const OFFSET_OUT_OF_RANGE = 1;
const END = 5;

/** Reads partition 0 of topic `t` as far as it goes, of which each broker has what the test says; a fetch brings one record. */
class Range {
  leader = 1;
  /** By broker: where what it has begins, and ends. */
  readonly starts = new Map([[1, 0], [2, 0]]);
  readonly ends = new Map([[1, END], [2, END]]);
  readonly clock = new ManualClock();
  readonly offsets: number[] = [];
  beyondEnd = 0;
  readonly done: Promise<void>;

  /** @param after so many records are read before anything else happens */
  constructor(after: number, then: (range: Range) => void) {
    const config = resolveKafkaLogOptions({ brokers: ['127.0.0.1:9'], clientId: 'test', logger: silentLogger, clock: this.clock });
    const cluster = {
      leaders: () => Promise.resolve([this.leader]),
      reset: () => undefined,
      offset: (broker: number, _topic: string, _partition: number, query: unknown) => Promise.resolve((query === 'latest' ? this.ends : this.starts).get(broker) ?? 0),
      fetch: (broker: number, { partitions: [wanted] }: FetchRequest) => {
        if (wanted?.offset === after) then(this);
        return Promise.resolve(this.#fetch(broker, wanted?.offset ?? 0));
      },
    };
    const reader = new PartitionReader({} as Kafka, config, { topic: 't', partition: 0 }, new AbortController().signal, cluster);
    this.done = this.#read(reader);
  }

  async #read(reader: PartitionReader): Promise<void> {
    for await (const records of reader.batches()) this.offsets.push(...records.map(({ offset }) => offset));
  }

  #fetch(broker: number, offset: number): FetchAnswer {
    const [start, end] = [this.starts.get(broker) ?? 0, this.ends.get(broker) ?? 0];
    if (offset > end) this.beyondEnd++;
    const errorCode = offset > end || offset < start ? OFFSET_OUT_OF_RANGE : 0;
    const records = errorCode === 0 && offset < end ? [{ topic: 't', partition: 0, offset, key: null, value: null, headers: {}, timestamp: 0 }] : [];
    const fetched: FetchedPartition = { topic: 't', partition: 0, errorCode, highWatermark: end, lastStableOffset: end, records, next: records.length > 0 ? offset + 1 : undefined, appendedAt: undefined };
    return { throttled: false, errorCode: 0, sessionId: 0, partitions: [fetched] };
  }
}

describe('a range read', () => {
  it('goes on with what is left where the start of the partition is deleted', async () => {
    const range = new Range(2, ({ starts }) => starts.set(1, 4));
    await range.done;
    expect(range.offsets).toEqual([0, 1, 4]);
  });

  it('reads on from another leader where the one that it asks has less than was read', async () => {
    const range = new Range(3, ({ ends }) => ends.set(1, 1));
    await vi.waitFor(() => expect(range.beyondEnd).toBeGreaterThan(1), 10_000);
    range.leader = 2;
    await range.done;
    expect(range.offsets).toEqual([0, 1, 2, 3, 4]);
  });

  it('ends where that has lasted for ten seconds', async () => {
    const range = new Range(3, ({ ends }) => ends.set(1, 1));
    await vi.waitFor(() => expect(range.beyondEnd).toBeGreaterThan(1), 10_000);
    range.clock.advance(10_000);
    await range.done;
    expect(range.offsets).toEqual([0, 1, 2]);
  });
});
