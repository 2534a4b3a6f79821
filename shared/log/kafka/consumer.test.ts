import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../clock/index.ts';
import { silentLogger } from '../../telemetry/logger.ts';
import { BrokerClock } from '../broker-clock.ts';
import type { Delivery } from '../types.ts';
import type { KafkaAdmin } from './admin.ts';
import { KafkaConsumer } from './consumer.ts';
import type { FetchSource } from './fetch-source.ts';
import type { Fetcher } from './group-fetcher.ts';
import { resolveKafkaLogOptions } from './options.ts';
import { StubKafka } from './stub-kafka.ts';

/** A member of a group that reads `tasks` and `outcomes`, and the broker as the test wants it. */
class Member {
  readonly kafka = new StubKafka();
  readonly deliveries: Delivery[] = [];
  readonly revoked: string[] = [];
  /** By topic, of partition 0. */
  readonly committed: Record<string, number> = { tasks: -1, outcomes: -1 };
  /** Answers to questions for committed offsets wait for it. */
  answered: Promise<void> = Promise.resolve();
  asked = 0;
  /** Of all topics. */
  topicId: string | undefined;
  readonly consumer: KafkaConsumer;
  #source: FetchSource | undefined;

  constructor() {
    const admin = {
      offsets: () => Promise.resolve([{ partition: 0, earliest: 0, latest: 0 }]),
      committed: () => Promise.resolve([]),
      committedOf: async (_group: string, topics: readonly string[]) => {
        this.asked++;
        await this.answered;
        return topics.map((topic) => ({ topic, partition: 0, offset: this.committed[topic] ?? -1 }));
      },
    };
    const config = resolveKafkaLogOptions({ brokers: ['127.0.0.1:9'], clientId: 'test', logger: silentLogger });
    this.consumer = new KafkaConsumer(this.kafka.client, config, admin as unknown as KafkaAdmin, {
      groupId: 'g',
      topics: ['tasks', 'outcomes'],
      onRecord: (delivery) => void this.deliveries.push(delivery),
      onRevoked: (partitions) => void this.revoked.push(...partitions.map(({ topic, partition }) => `${topic}/${partition}`)),
    }, { clock: new BrokerClock(systemClock), topicId: () => Promise.resolve(this.topicId), dismissPredecessor: () => Promise.resolve(), fetcher: (source) => this.#fetcher(source) });
    onTestFinished(() => this.consumer.close());
  }

  /** Three tasks and one outcome are in flight. */
  async start(): Promise<void> {
    const started = this.consumer.start();
    await this.join('first');
    await started;
    this.asked = 0;
    this.fetch('tasks', 0, ['a', 'b', 'c']);
    this.fetch('outcomes', 0, ['A']);
    await vi.waitFor(() => expect(this.deliveries).toHaveLength(4), 10_000);
  }

  /** What is read next, as `topic/partition@offset`. */
  get positions(): string[] {
    return (this.#source?.positions() ?? []).map(({ topic, partition, offset }) => `${topic}/${partition}@${offset}`).toSorted();
  }

  /** Records of partition 0 from an offset on; they are all there is. */
  fetch(topic: string, from: number, values: readonly string[]): void {
    const records = values.map((value, index) => ({ topic, partition: 0, offset: from + index, key: null, value: Buffer.from(value), headers: {}, timestamp: 0 }));
    const next = from + values.length;
    this.#source?.receive({ topic, partition: 0, errorCode: 0, highWatermark: next, lastStableOffset: next, records, next, appendedAt: undefined }, from);
  }

  /** What was to be read next is not there. */
  outOfRange(topic: string, offset: number, earliest: number): void {
    this.#source?.outOfRange({ topic, partition: 0, offset }, earliest);
  }

  beyondEnd(topic: string, offset: number): void {
    this.#source?.beyondEnd({ topic, partition: 0, offset });
  }

  #fetcher(source: FetchSource): Fetcher {
    this.#source = source;
    return { wake: () => undefined, close: () => Promise.resolve() };
  }

  async join(memberId: string): Promise<void> {
    await this.kafka.running();
    this.kafka.join(memberId, { tasks: [0], outcomes: [0] });
  }

  async rejoin(memberId: string): Promise<void> {
    this.kafka.crash(new Error('the broker went away'));
    await this.join(memberId);
  }

  get values(): string[] {
    return this.deliveries.map(({ record }) => String(record.value));
  }

  get owned(): boolean[] {
    return this.deliveries.map(({ owned }) => owned);
  }
}

describe('a Kafka consumer that comes back after it lost its membership', () => {
  it('keeps what it has in flight where nobody has got further', async () => {
    const member = new Member();
    await member.start();
    await member.rejoin('second');
    await vi.waitFor(() => expect(member.positions).toEqual(['outcomes/0@1', 'tasks/0@3']), 10_000);
    expect(member.owned).toEqual([true, true, true, true]);
    expect(member.revoked).toEqual([]);
  });

  it('gives up a partition number on all topics when somebody has got further on one, and starts at the committed offsets', async () => {
    const member = new Member();
    await member.start();
    Object.assign(member.committed, { tasks: 0, outcomes: 1 });
    await member.rejoin('second');
    await vi.waitFor(() => expect(member.owned).toEqual([false, false, false, false]), 10_000);
    expect(member.revoked.toSorted()).toEqual(['outcomes/0', 'tasks/0']);
    expect(member.positions).toEqual(['outcomes/0@1', 'tasks/0@0']);
  });

  it('is still in doubt when the group rebalances before the committed offsets are known', async () => {
    const member = new Member();
    await member.start();
    Object.assign(member.committed, { tasks: 3, outcomes: 1 });
    let answer = (): void => undefined;
    member.answered = new Promise((resolve) => (answer = resolve));
    await member.rejoin('second');
    await vi.waitFor(() => expect(member.asked).toBe(1), 10_000);
    member.kafka.emit('REBALANCING');
    await member.join('second');
    answer();
    await vi.waitFor(() => expect(member.owned).toEqual([false, false, false, false]), 10_000);
  });
});

describe('a Kafka consumer of a group that rebalances', () => {
  it('goes on delivering until all have joined, and holds what comes from then on until it is told what is its own', async () => {
    const member = new Member();
    await member.start();
    member.kafka.emit('REBALANCING');
    member.fetch('tasks', 3, ['while others are waited for']);
    await vi.waitFor(() => expect(member.values.at(-1)).toBe('while others are waited for'), 10_000);
    member.kafka.answer('JoinGroup');
    member.fetch('tasks', 4, ['while it is decided']);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(member.values.at(-1)).toBe('while others are waited for');
    await member.join('first');
    await vi.waitFor(() => expect(member.values.at(-1)).toBe('while it is decided'), 10_000);
  });
});

describe('a tenure of a Kafka consumer', () => {
  it('is certain from the assignment on, doubtful once the group has been silent for too long, and certain again by its next word', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const member = new Member();
    await member.start();
    const tenure = member.consumer.tenure(0);
    expect(tenure.state).toBe('certain');
    vi.advanceTimersByTime(9_000);
    expect(tenure.state).toBe('doubtful');
    // The answer has waited in a suspended process.
    member.kafka.answer('Heartbeat', 9_000);
    member.kafka.emit('HEARTBEAT');
    expect(tenure.state).toBe('doubtful');
    member.kafka.answer('Heartbeat', 5);
    member.kafka.emit('HEARTBEAT');
    expect(tenure.state).toBe('certain');
  });

  it('is doubtful from when all have joined until it is told who gets what, and is the same one after that', async () => {
    const member = new Member();
    await member.start();
    const tenure = member.consumer.tenure(0);
    member.kafka.emit('REBALANCING');
    expect(tenure.state).toBe('certain');
    member.kafka.answer('JoinGroup');
    expect(tenure.state).toBe('doubtful');
    await member.join('first');
    expect([tenure.state, member.consumer.tenure(0)]).toEqual(['certain', tenure]);
  });

  it('is over when the membership was lost, also where the partition is ours again and everything in flight goes on', async () => {
    const member = new Member();
    await member.start();
    const tenure = member.consumer.tenure(0);
    await member.rejoin('second');
    await vi.waitFor(() => expect(member.positions).toEqual(['outcomes/0@1', 'tasks/0@3']), 10_000);
    expect([tenure.state, member.consumer.tenure(0).state, member.owned[0]]).toEqual(['over', 'certain', true]);
  });

  it('is over for what was revoked, and for what was never assigned', async () => {
    const member = new Member();
    await member.start();
    const tenure = member.consumer.tenure(0);
    member.kafka.join('first', { tasks: [], outcomes: [] });
    expect([tenure.state, member.consumer.tenure(0).state, member.consumer.tenure(7).state]).toEqual(['over', 'over', 'over']);
  });
});

describe('a Kafka consumer of a topic that was deleted and made anew', () => {
  it('reads it from its start, however far it has grown meanwhile, and the others from their committed offsets', async () => {
    const member = new Member();
    await member.start();
    Object.assign(member.committed, { tasks: 2, outcomes: 0 });
    member.outOfRange('outcomes', 1, 0);
    await vi.waitFor(() => expect(member.positions).toEqual(['outcomes/0@0', 'tasks/0@2']), 10_000);
    expect(member.owned).toEqual([false, false, false, false]);
    member.fetch('outcomes', 0, ['B', 'C', 'D']);
    await vi.waitFor(() => expect(member.values.slice(4)).toEqual(['B', 'C', 'D']), 10_000);
  });

  it('learns that it is another one as soon as it ends before what was read', async () => {
    const member = new Member();
    member.topicId = 'first';
    await member.start();
    Object.assign(member.committed, { tasks: 3, outcomes: 1 });
    member.beyondEnd('outcomes', 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(member.positions).toEqual(['outcomes/0@1', 'tasks/0@3']);
    member.topicId = 'second';
    member.beyondEnd('outcomes', 1);
    await vi.waitFor(() => expect(member.positions).toEqual(['outcomes/0@0', 'tasks/0@0']), 10_000);
  });
});
