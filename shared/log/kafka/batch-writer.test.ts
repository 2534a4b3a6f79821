import type { Kafka, ProducerBatch, RecordMetadata } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { TandemError } from '../../errors/index.ts';
import { systemClock } from '../../clock/index.ts';
import { silentLogger } from '../../telemetry/logger.ts';
import { unknownTopic } from '../errors.ts';
import type { RecordBatch } from './accumulator.ts';
import { BrokerClock } from '../broker-clock.ts';
import { BatchWriter } from './batch-writer.ts';
import type { TopicLeaders } from './topic-leaders.ts';

type Answer = (request: ProducerBatch) => RecordMetadata[];

const brokerError = (type: string, retriable = false): Error => Object.assign(new Error(type), { name: 'KafkaJSProtocolError', type, retriable });
const valuesOf = ({ topicMessages = [] }: ProducerBatch): string[] => topicMessages.flatMap(({ messages }) => messages.map(({ value }) => String(value)));
const acknowledge: Answer = ({ topicMessages = [] }) =>
  topicMessages.flatMap(({ topic, messages }) => [...new Set(messages.map(({ partition = 0 }) => partition))].map((partition) => ({ topicName: topic, partition, errorCode: 0 })));

/** A writer over a producer that answers as the test says; the last answer holds for all that follows. */
function createWriter(...answers: Answer[]): { writer: BatchWriter; requests: string[][]; connections: () => number } {
  const requests: string[][] = [];
  let connections = 0;
  const producer = {
    connect: () => Promise.resolve(void connections++),
    disconnect: () => Promise.resolve(),
    async sendBatch(request: ProducerBatch) {
      requests.push(valuesOf(request));
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      return answer?.(request) ?? [];
    },
  };
  const kafka = { producer: () => producer } as unknown as Kafka;
  const leaders = { ask: (topic: string) => Promise.reject(unknownTopic(topic)) } as unknown as TopicLeaders;
  return { writer: new BatchWriter(kafka, leaders, silentLogger, new BrokerClock(systemClock), 100), requests, connections: () => connections };
}

function createBatch(partition: number, values: readonly string[]): { batch: RecordBatch; outcomes: Map<string, unknown> } {
  const outcomes = new Map<string, unknown>();
  const records = values.map((value) => ({
    message: { value, partition },
    bytes: value.length,
    settle: (error?: unknown) => void outcomes.set(value, error instanceof TandemError ? error.code : (error ?? 'written')),
  }));
  return { batch: { topic: 't', partition, records }, outcomes };
}

describe('a batch writer', () => {
  it('writes several partitions in one request', async () => {
    const { writer, requests } = createWriter(acknowledge);
    const [first, second] = [createBatch(0, ['a', 'b']), createBatch(1, ['c'])];
    expect(await writer.writeTogether([first.batch, second.batch])).toEqual([]);
    expect(requests).toEqual([['a', 'b', 'c']]);
    expect([...first.outcomes, ...second.outcomes].map(([, outcome]) => outcome)).toEqual(['written', 'written', 'written']);
  });

  it('does not believe that partitions were written of which the answer says nothing', async () => {
    const onlyFirst: Answer = (request) => acknowledge(request).slice(0, 1);
    const { writer } = createWriter(onlyFirst);
    const [first, second] = [createBatch(0, ['a']), createBatch(1, ['b'])];
    expect(await writer.writeTogether([first.batch, second.batch])).toEqual([second.batch]);
    expect([first.outcomes.get('a'), second.outcomes.get('b')]).toEqual(['written', undefined]);
  });

  it('repeats a batch as it was until it is written', async () => {
    const fail: Answer = () => {
      throw brokerError('NOT_ENOUGH_REPLICAS', true);
    };
    const { writer, requests } = createWriter(fail, fail, () => [], acknowledge);
    const { batch, outcomes } = createBatch(0, ['a', 'b']);
    await writer.writeAlone(batch);
    expect(requests).toEqual(new Array(4).fill(['a', 'b']));
    expect([...outcomes.values()]).toEqual(['written', 'written']);
  });

  it('finds the record that is too large, and writes the others in order', async () => {
    const limit: Answer = (request) => {
      if (valuesOf(request).includes('LARGE')) throw brokerError('MESSAGE_TOO_LARGE');
      return acknowledge(request);
    };
    const { writer, requests } = createWriter(limit);
    const { batch, outcomes } = createBatch(0, ['a', 'b', 'LARGE', 'c', 'd']);
    await writer.writeAlone(batch);
    expect(Object.fromEntries(outcomes)).toEqual({ a: 'written', b: 'written', LARGE: 'record_too_large', c: 'written', d: 'written' });
    expect(requests.filter((values) => !values.includes('LARGE')).flat()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('starts with a new producer id when the broker and it disagree about what was written', async () => {
    const disagree: Answer = () => {
      throw brokerError('OUT_OF_ORDER_SEQUENCE_NUMBER');
    };
    const { writer, connections } = createWriter(disagree, acknowledge);
    const { batch, outcomes } = createBatch(0, ['a']);
    await writer.writeAlone(batch);
    expect([outcomes.get('a'), connections()]).toEqual(['written', 2]);
  });

  it.each([
    ['POLICY_VIOLATION', 'record_refused'],
    ['TOPIC_AUTHORIZATION_FAILED', 'kafka_not_authorized'],
  ])('tells what the broker refuses: %s', async (type, code) => {
    const refuse: Answer = () => {
      throw brokerError(type);
    };
    const { writer } = createWriter(refuse);
    const { batch, outcomes } = createBatch(0, ['a']);
    await writer.writeAlone(batch);
    expect(outcomes.get('a')).toBe(code);
  });

  it('gives up a topic that stays away', async () => {
    const unknown: Answer = () => {
      throw brokerError('UNKNOWN_TOPIC_OR_PARTITION', true);
    };
    const { writer } = createWriter(unknown);
    const { batch, outcomes } = createBatch(0, ['a']);
    await writer.writeAlone(batch);
    expect(outcomes.get('a')).toBe('unknown_topic');
  });

  it('ends its retries when it is closed', async () => {
    const { writer } = createWriter(() => []);
    const { batch, outcomes } = createBatch(0, ['a']);
    const writing = writer.writeAlone(batch);
    await writer.close();
    await writing;
    expect(outcomes.get('a')).toBe('producer_closed');
  });
});
