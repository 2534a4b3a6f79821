import { randomUUID } from 'node:crypto';
import type { TopicSpec } from '@tandem/schemas';
import type { ConsumerOptions, Delivery, EventLog, LogConsumer, LogProducer, LogRecord, OutgoingRecord } from '@tandem/shared/log';
import { onTestFinished } from 'vitest';
import { until } from '../support/until.ts';

/** Another process that consumes and acknowledges nothing. */
export interface Victim {
  /** Resolves when it holds so many records. */
  holds(count: number): Promise<void>;
  /** As kill -9 of its process. */
  kill(): Promise<void>;
}

/** One implementation of the log, for one test. */
export interface EventLogHarness {
  log: EventLog;
  startVictim(options: { groupId: string; topic: string }): Promise<Victim>;
  close(): Promise<void>;
}

/** A log with what a test needs around it: random names, and everything closed at the end. */
export class Fixture {
  readonly log: EventLog;
  readonly #harness: EventLogHarness;
  readonly #id = randomUUID().slice(0, 8);
  #names = 0;

  constructor(harness: EventLogHarness) {
    this.#harness = harness;
    this.log = harness.log;
    onTestFinished(() => harness.close());
  }

  name(what: string): string {
    return `test.${this.#id}.${what}${++this.#names}`;
  }

  spec(over: Partial<TopicSpec> = {}): TopicSpec {
    const defaults: TopicSpec = {
      name: this.name('topic'),
      producer: 'test',
      consumer: 'test',
      schema: 'Test',
      key: 'any',
      partitions: 4,
      cleanup: 'delete',
      retentionMs: 3_600_000,
      maxRecordBytes: 1_048_576,
      timestamps: 'create',
    };
    return { ...defaults, ...over };
  }

  async topic(over: Partial<TopicSpec> = {}): Promise<string> {
    const spec = this.spec(over);
    await this.log.admin.ensureTopics([spec]);
    return spec.name;
  }

  producer(): Promise<LogProducer> {
    return this.log.producer();
  }

  async send(records: readonly OutgoingRecord[]): Promise<void> {
    const producer = await this.producer();
    await producer.send(records);
    await producer.close();
  }

  /** A started consumer that keeps what it is given. */
  async consumer(options: Partial<ConsumerOptions> & { topics: readonly string[] }): Promise<Reader> {
    const reader = new Reader(this.log, { groupId: this.name('group'), ...options });
    await reader.consumer.start();
    return reader;
  }

  startVictim(options: { groupId: string; topic: string }): Promise<Victim> {
    return this.#harness.startVictim(options);
  }

  async committed(groupId: string, topic: string, partition = 0): Promise<number> {
    const offsets = await this.log.admin.committed(groupId, topic);
    return offsets.find((entry) => entry.partition === partition)?.offset ?? Number.NaN;
  }
}

/** A consumer that keeps its deliveries, and acknowledges them where the test does not do it. */
export class Reader {
  readonly consumer: LogConsumer;
  readonly deliveries: Delivery[] = [];
  readonly faults: unknown[] = [];
  readonly assigned: string[] = [];
  readonly revoked: string[] = [];

  constructor(log: EventLog, options: Omit<ConsumerOptions, 'onRecord'> & Partial<Pick<ConsumerOptions, 'onRecord'>>) {
    this.consumer = log.consumer({
      ...options,
      onAssigned: (partitions) => this.assigned.push(...partitions.map(({ topic, partition }) => `${topic}/${partition}`)),
      onRevoked: (partitions) => this.revoked.push(...partitions.map(({ topic, partition }) => `${topic}/${partition}`)),
      onFault: (error) => this.faults.push(error),
      onRecord: (delivery) => {
        this.deliveries.push(delivery);
        options.onRecord?.(delivery);
      },
    });
  }

  get records(): LogRecord[] {
    return this.deliveries.map(({ record }) => record);
  }

  get values(): (string | null)[] {
    return this.records.map(({ value }) => value?.toString() ?? null);
  }

  /** Partition numbers it owns of a topic. */
  numbers(topic: string): number[] {
    return this.consumer.assignment
      .filter((owned) => owned.topic === topic)
      .map(({ partition }) => partition)
      .sort((a, b) => a - b);
  }

  ackAll(): void {
    for (const delivery of this.deliveries) delivery.ack();
  }

  async receives(count: number): Promise<void> {
    await until(() => this.deliveries.length >= count, { timeoutMs: 60_000, what: () => `${count} records; there are ${this.deliveries.length}` });
  }
}

export function sequence(topic: string, count: number, over: Partial<OutgoingRecord> = {}): OutgoingRecord[] {
  return Array.from({ length: count }, (_, index) => ({ topic, key: `key-${index % 50}`, value: `${index}`, ...over }));
}

export function numbersUpTo(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index}`);
}
