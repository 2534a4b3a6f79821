import type { Kafka } from 'kafkajs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ManualClock } from '../../clock/index.ts';
import { silentLogger, type Logger } from '../../telemetry/logger.ts';
import type { FetchRequest } from './direct-cluster.ts';
import { FetchLane } from './fetch-lane.ts';
import { errorOfCode } from './kafkajs-internals.ts';
import type { FetchAnswer, FetchedPartition } from './fetch-response.ts';
import { resolveKafkaLogOptions } from './options.ts';
import { TruncationDoubts } from './truncation-doubts.ts';

const OFFSET_OUT_OF_RANGE = 1;
const NOT_LEADER = 6;

/** Partitions 0, 1, … of topic `t`, which begin at 0; each fetch brings one offset of each that is asked for. */
class Lane {
  /** By partition. */
  leaders: number[];
  readonly positions: number[];
  readonly errors = new Map<number, number>();
  /** Brokers that do not answer. */
  readonly hung = new Map<number, Promise<void>>();
  /** By broker: what it has of any partition ends here. */
  readonly ends = new Map<number, number>();
  /** Brokers that lead nothing, whoever is said to lead. */
  readonly followers = new Set<number>();
  readonly clock = new ManualClock();
  readonly warnings: string[] = [];
  /** What was asked for and is not there, as partition@offset → where the partition starts. */
  readonly outOfRange: string[] = [];
  beyondEnd = 0;
  readonly failed: unknown[] = [];
  lookUps = 0;
  resets = 0;
  lane: FetchLane;

  constructor(leaders: number[], { maxWaitMs = 5, metadataMaxAgeMs = 30_000 } = {}) {
    this.leaders = leaders;
    this.positions = leaders.map(() => 0);
    const config = resolveKafkaLogOptions({ brokers: ['127.0.0.1:9'], clientId: 'test', logger: silentLogger, metadataMaxAgeMs });
    const cluster = {
      leaders: () => {
        this.lookUps++;
        return Promise.resolve(this.leaders);
      },
      refresh: () => Promise.resolve(),
      reset: () => void this.resets++,
      offset: (broker: number) => (this.followers.has(broker) ? Promise.reject(errorOfCode(NOT_LEADER)) : Promise.resolve(0)),
      fetch: (broker: number, request: FetchRequest) => this.#fetch(broker, request),
    };
    this.lane = new FetchLane({} as Kafka, config, {
      topics: ['t'],
      maxBytesPerPartition: 1,
      maxWaitMs,
      gatherMs: 0,
      positions: (isHere) => this.positions.map((offset, partition) => ({ topic: 't', partition, offset })).filter(isHere),
      receive: ({ partition, next }) => void (this.positions[partition] = next ?? 0),
      outOfRange: ({ partition, offset }, earliest) => {
        this.outOfRange.push(`${partition}@${offset} → ${earliest}`);
        this.positions[partition] = earliest;
      },
      beyondEnd: () => void this.beyondEnd++,
      doubts: new TruncationDoubts(this.clock, { ...silentLogger, warn: (_fields: unknown, text: string) => void this.warnings.push(text) } as unknown as Logger),
      failed: (error) => void this.failed.push(error),
    }, cluster);
    onTestFinished(() => this.lane.close());
    this.lane.wake();
  }

  async #fetch(broker: number, { partitions }: FetchRequest): Promise<FetchAnswer> {
    await this.hung.get(broker);
    await new Promise((resolve) => void setTimeout(resolve, 1));
    return { throttled: false, errorCode: 0, sessionId: 0, partitions: partitions.map(({ partition, offset }) => this.#fetched(broker, partition, offset)) };
  }

  #fetched(broker: number, partition: number, offset: number): FetchedPartition {
    const isBeyondEnd = offset > (this.ends.get(broker) ?? Number.POSITIVE_INFINITY);
    const errorCode = isBeyondEnd ? OFFSET_OUT_OF_RANGE : (this.errors.get(partition) ?? 0);
    return { topic: 't', partition, errorCode, highWatermark: 0, lastStableOffset: 0, records: [], next: errorCode === 0 ? offset + 1 : undefined, appendedAt: undefined };
  }
}

describe('a lane of fetches', () => {
  it('reads the other partitions of a broker on while one of them fails, and that one when it is well again', async () => {
    const lane = new Lane([1, 1]);
    lane.errors.set(0, NOT_LEADER);
    await vi.waitFor(() => expect(lane.positions[1]).toBeGreaterThan(30), { timeout: 10_000 });
    expect([lane.positions[0], lane.resets]).toEqual([0, 0]);
    expect(lane.failed).toHaveLength(1);
    lane.errors.clear();
    await vi.waitFor(() => expect(lane.positions[0]).toBeGreaterThan(0), { timeout: 10_000 });
  });

  it('asks for the leaders now and then, not all the time, while there is none', async () => {
    const lane = new Lane([-1]);
    await new Promise((resolve) => void setTimeout(resolve, 50));
    expect(lane.lookUps).toBeLessThan(3);
    lane.leaders = [1];
    await vi.waitFor(() => expect(lane.positions[0]).toBeGreaterThan(0), { timeout: 10_000 });
  });

  it('goes on with the other brokers, and with what has moved to them, while one does not answer; and with that one when it does', async () => {
    const lane = new Lane([1, 1, 2], { metadataMaxAgeMs: 20 });
    let answer = (): void => undefined;
    lane.hung.set(1, new Promise((resolve) => (answer = resolve)));
    lane.leaders = [1, 2, 2];
    await vi.waitFor(() => expect(Math.min(...lane.positions.slice(1))).toBeGreaterThan(3), { timeout: 10_000 });
    expect(lane.positions[0]).toBe(0);
    lane.hung.clear();
    answer();
    await vi.waitFor(() => expect(lane.positions[0]).toBeGreaterThan(3), { timeout: 10_000 });
  });

  it('counts as a reader of a partition once the broker has answered for it', async () => {
    const lane = new Lane([1]);
    let answer = (): void => undefined;
    lane.hung.set(1, new Promise((resolve) => (answer = resolve)));
    await new Promise((resolve) => void setTimeout(resolve, 20));
    expect(lane.lane.asksFor('t 0')).toBe(false);
    lane.hung.clear();
    answer();
    await vi.waitFor(() => expect(lane.lane.asksFor('t 0')).toBe(true), { timeout: 10_000 });
  });
});

describe('a lane of fetches whose partition ends before what was read of it', () => {
  async function readFromBroker1(lane: Lane): Promise<number> {
    await vi.waitFor(() => expect(lane.positions[0]).toBeGreaterThan(5), { timeout: 10_000 });
    lane.ends.set(1, 2);
    await vi.waitFor(() => expect(lane.beyondEnd).toBeGreaterThan(1), { timeout: 10_000 });
    return lane.positions[0]!;
  }

  it('reads on where it was when another broker turns out to lead it, and has said so once', async () => {
    const lane = new Lane([1]);
    const position = await readFromBroker1(lane);
    lane.leaders = [2];
    await vi.waitFor(() => expect(lane.positions[0]).toBeGreaterThan(position), { timeout: 10_000 });
    expect([lane.outOfRange, lane.failed, lane.warnings.length]).toEqual([[], [], 1]);
  });

  it('reads its start when that has lasted for ten seconds', async () => {
    const lane = new Lane([1]);
    const position = await readFromBroker1(lane);
    lane.clock.advance(9_999);
    const asked = lane.beyondEnd;
    await vi.waitFor(() => expect(lane.beyondEnd).toBeGreaterThan(asked), { timeout: 10_000 });
    expect(lane.outOfRange).toEqual([]);
    lane.clock.advance(1);
    await vi.waitFor(() => expect(lane.outOfRange).toEqual([`0@${position} → 0`]), { timeout: 10_000 });
  });

  it('reads its start when the leader that had nothing there has grown past it: what lies before that is new too', async () => {
    const lane = new Lane([1]);
    const position = await readFromBroker1(lane);
    lane.ends.clear();
    await vi.waitFor(() => expect(lane.outOfRange).toEqual([`0@${position} → 0`]), { timeout: 10_000 });
  });

  it('does not take the word of a broker that has become a follower', async () => {
    const lane = new Lane([1]);
    const position = await readFromBroker1(lane);
    lane.followers.add(1);
    lane.clock.advance(60_000);
    const before = lane.lookUps;
    await vi.waitFor(() => expect(lane.lookUps).toBeGreaterThan(before + 1), { timeout: 10_000 });
    lane.leaders = [2];
    await vi.waitFor(() => expect(lane.positions[0]).toBeGreaterThan(position), { timeout: 10_000 });
    expect(lane.outOfRange).toEqual([]);
  });
});
