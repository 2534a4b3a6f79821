import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../clock/index.ts';
import { TandemError } from '../../errors/index.ts';
import { silentLogger } from '../../telemetry/logger.ts';
import { BrokerClock } from '../broker-clock.ts';
import { unknownTopic } from '../errors.ts';
import type { TenureState } from '../tenure.ts';
import type { RecordBatch } from './accumulator.ts';
import { BatchWriter } from './batch-writer.ts';
import type { ProduceAnswer, ProducePart, ProduceRequest } from './produce-request.ts';

type Answer = (request: ProduceRequest) => ProduceAnswer | Promise<ProduceAnswer>;

const LEADER = 1;
const [OUT_OF_ORDER, DUPLICATE, NOT_ENOUGH_REPLICAS, TOO_LARGE, UNKNOWN_TOPIC, POLICY_VIOLATION, NOT_AUTHORIZED] = [45, 46, 19, 10, 3, 44, 29];
const NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20;
const valuesOf = (parts: readonly ProducePart[]): string[] => parts.flatMap(({ records }) => records.map(({ value }) => String(value)));
const answer = (errorOf: (part: ProducePart) => number) => ({ parts }: ProduceRequest): ProduceAnswer => ({
  results: parts.map((part) => ({ topic: part.topic, partition: part.partition, errorCode: errorOf(part), baseOffset: 0, logAppendTime: -1 })), clientSideThrottleTime: 0,
});
const acknowledge = answer(() => 0);
const refuse = (code: number) => answer(() => code);
const loseAnswer: Answer = () => {
  throw new Error('the connection broke');
};

/** A writer to a broker that answers as the test says; the last answer holds for all that follows. */
function createWriterTo({ away = 0, beforeSending }: { away?: number; beforeSending?: () => void }, ...answers: Answer[]): { writer: BatchWriter; requests: ProduceRequest[]; resets: () => number } {
  const requests: ProduceRequest[] = [];
  let [lives, resets] = [0, 0];
  const cluster = {
    async producerIdentity() {
      if (away-- > 0) throw new Error('nobody answers');
      lives += 1;
      return { producerId: `${lives}`, producerEpoch: 0 };
    },
    async produce(_leader: number, request: ProduceRequest, mayBeSent = () => true) {
      beforeSending?.();
      if (!mayBeSent()) return { results: [], clientSideThrottleTime: 0 };
      requests.push(request);
      return ((answers.length > 1 ? answers.shift() : answers[0]) ?? acknowledge)(request);
    },
    reset: () => void (resets += 1),
  };
  const leaders = { ask: (topic: string) => (topic === 'gone' ? Promise.reject(unknownTopic(topic)) : Promise.resolve([LEADER, LEADER])) };
  return { writer: new BatchWriter(cluster, leaders, silentLogger, new BrokerClock(systemClock), 100), requests, resets: () => resets };
}

const createWriter = (...answers: Answer[]) => createWriterTo({}, ...answers);

function createBatch(partition: number, values: readonly string[], topic = 't'): { batch: RecordBatch; outcomes: Map<string, unknown> } {
  const outcomes = new Map<string, unknown>();
  const records = values.map((value) => ({
    record: { topic, key: null, value, partition },
    bytes: value.length,
    settle: (error?: unknown) => void outcomes.set(value, error instanceof TandemError ? error.code : (error ?? 'written')),
  }));
  return { batch: { topic, partition, records }, outcomes };
}

const textsOf = (requests: readonly ProduceRequest[]) => requests.map(({ parts }) => valuesOf(parts));
const sequencesOf = (requests: readonly ProduceRequest[]) => requests.map(({ parts }) => parts.map(({ firstSequence }) => firstSequence));

describe('a batch writer', () => {
  it('writes several partitions in one request', async () => {
    const { writer, requests } = createWriter(acknowledge);
    const [first, second] = [createBatch(0, ['a', 'b']), createBatch(1, ['c'])];
    expect(await writer.writeTogether(LEADER, [first.batch, second.batch])).toEqual([]);
    expect(textsOf(requests)).toEqual([['a', 'b', 'c']]);
    expect([...first.outcomes, ...second.outcomes].map(([, outcome]) => outcome)).toEqual(['written', 'written', 'written']);
  });

  it('does not believe that partitions were written of which the answer says nothing', async () => {
    const onlyFirst: Answer = ({ parts, ...request }) => acknowledge({ ...request, parts: parts.slice(0, 1) });
    const { writer } = createWriter(onlyFirst);
    const [first, second] = [createBatch(0, ['a']), createBatch(1, ['b'])];
    expect(await writer.writeTogether(LEADER, [first.batch, second.batch])).toEqual([second.batch]);
    expect([first.outcomes.get('a'), second.outcomes.get('b')]).toEqual(['written', undefined]);
  });

  it('goes on with what a request has written where another partition of it failed', async () => {
    const { writer } = createWriter(answer(({ partition }) => (partition === 1 ? NOT_ENOUGH_REPLICAS : 0)));
    const [first, second] = [createBatch(0, ['a']), createBatch(1, ['b'])];
    expect(await writer.writeTogether(LEADER, [first.batch, second.batch])).toEqual([second.batch]);
    expect([first.outcomes.get('a'), second.outcomes.get('b')]).toEqual(['written', undefined]);
  });

  it('numbers the records of each partition by themselves', async () => {
    const { writer, requests } = createWriter(acknowledge);
    await writer.writeTogether(LEADER, [createBatch(0, ['a', 'b']).batch, createBatch(1, ['c']).batch]);
    await writer.writeTogether(LEADER, [createBatch(1, ['d']).batch, createBatch(0, ['e']).batch]);
    expect(sequencesOf(requests)).toEqual([[0, 0], [1, 2]]);
  });

  it('repeats a batch as it was, under its number, until it is written', async () => {
    const { writer, requests } = createWriter(refuse(NOT_ENOUGH_REPLICAS), loseAnswer, () => ({ results: [], clientSideThrottleTime: 0 }), acknowledge);
    const { batch, outcomes } = createBatch(0, ['a', 'b']);
    await writer.writeAlone(batch);
    await writer.writeAlone(createBatch(0, ['c']).batch);
    expect(textsOf(requests)).toEqual([...new Array<string[]>(4).fill(['a', 'b']), ['c']]);
    expect(sequencesOf(requests)).toEqual([[0], [0], [0], [0], [2]]);
    expect([...outcomes.values()]).toEqual(['written', 'written']);
  });

  it('makes new connections where there was no answer, once for all that were lost together, and not where there was one', async () => {
    const lost = Promise.withResolvers<ProduceAnswer>();
    const { writer, resets } = createWriter(() => lost.promise, () => lost.promise, refuse(NOT_ENOUGH_REPLICAS), acknowledge);
    const both = [writer.writeTogether(LEADER, [createBatch(0, ['a']).batch]), writer.writeTogether(LEADER, [createBatch(1, ['b']).batch])];
    lost.reject(new Error('the connection broke'));
    await Promise.all(both);
    expect(resets()).toBe(1);
    await writer.writeAlone(createBatch(0, ['a']).batch);
    expect(resets()).toBe(1);
  });

  it('connects anew when it is asked again', async () => {
    const { writer, resets } = createWriterTo({ away: 2 }, acknowledge);
    await expect(writer.connect()).rejects.toThrow('nobody answers');
    await expect(writer.connect()).rejects.toThrow('nobody answers');
    await writer.connect();
    expect(resets()).toBe(2);
  });

  it('takes a repetition that the broker knows for written', async () => {
    const { writer, requests } = createWriter(loseAnswer, refuse(DUPLICATE), acknowledge);
    const { batch, outcomes } = createBatch(0, ['a', 'b']);
    await writer.writeAlone(batch);
    await writer.writeAlone(createBatch(0, ['c']).batch);
    expect([...outcomes.values()]).toEqual(['written', 'written']);
    expect(sequencesOf(requests)).toEqual([[0], [0], [2]]);
  });

  it('finds the record that is too large, and writes the others in order', async () => {
    const limit: Answer = (request) => (valuesOf(request.parts).includes('LARGE') ? refuse(TOO_LARGE) : acknowledge)(request);
    const { writer, requests } = createWriter(limit);
    const { batch, outcomes } = createBatch(0, ['a', 'b', 'LARGE', 'c', 'd']);
    await writer.writeAlone(batch);
    expect(Object.fromEntries(outcomes)).toEqual({ a: 'written', b: 'written', LARGE: 'record_too_large', c: 'written', d: 'written' });
    const written = requests.filter(({ parts }) => !valuesOf(parts).includes('LARGE'));
    expect(textsOf(written).flat()).toEqual(['a', 'b', 'c', 'd']);
    expect(sequencesOf(written).flat()).toEqual([0, 2]);
  });

  it('starts anew when the broker and it disagree about what was written', async () => {
    const { writer, requests } = createWriter(acknowledge, refuse(OUT_OF_ORDER), acknowledge);
    const { batch, outcomes } = createBatch(0, ['b']);
    await writer.writeAlone(createBatch(0, ['a']).batch);
    await writer.writeAlone(batch);
    expect(outcomes.get('b')).toBe('written');
    expect(requests.map(({ producerId, parts }) => [producerId, parts[0]?.firstSequence])).toEqual([['1', 0], ['1', 1], ['2', 0]]);
  });

  it('begins one new life, however many partitions have lost the old one', async () => {
    const isWritten = Promise.withResolvers<void>();
    const { writer, requests } = createWriter(async (request) => {
      if (request.producerId !== '1') return acknowledge(request);
      if (request.parts.length === 1 && request.parts[0]?.partition === 1) await isWritten.promise;
      return refuse(OUT_OF_ORDER)(request);
    });
    const [first, second] = [createBatch(0, ['a']), createBatch(1, ['b'])];
    const late = writer.writeAlone(second.batch);
    await writer.writeAlone(first.batch);
    isWritten.resolve();
    await late;
    await writer.writeTogether(LEADER, [createBatch(0, ['c']).batch, createBatch(1, ['d']).batch]);
    expect([first.outcomes.get('a'), second.outcomes.get('b')]).toEqual(['written', 'written']);
    expect(requests.slice(2).map(({ producerId, parts }) => [producerId, valuesOf(parts)])).toEqual([['2', ['a']], ['2', ['b']], ['2', ['c', 'd']]]);
    expect(sequencesOf(requests).at(-1)).toEqual([1, 1]);
  });

  it.each([['without an answer', loseAnswer], ['appended, and not yet replicated', refuse(NOT_ENOUGH_REPLICAS_AFTER_APPEND)]])('repeats what may be written under the id that it was sent with, whatever other partitions have lost: %s', async (_, doubt) => {
    const [isLost, isDoubted] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { writer, requests } = createWriter(async (request) => {
      const [part] = request.parts;
      if (request.producerId !== '1') return acknowledge(request);
      if (part?.partition === 0) return refuse(OUT_OF_ORDER)(request);
      if (requests.filter(({ parts }) => parts[0]?.partition === 1).length > 1) return refuse(DUPLICATE)(request);
      isDoubted.resolve();
      await isLost.promise;
      return doubt(request);
    });
    const [lost, doubtful] = [createBatch(0, ['a']), createBatch(1, ['b'])];
    const doubted = writer.writeTogether(LEADER, [doubtful.batch]);
    await isDoubted.promise;
    await writer.writeAlone(lost.batch);
    isLost.resolve();
    for (const batch of await doubted) await writer.writeAlone(batch);
    await writer.writeAlone(createBatch(1, ['c']).batch);
    const second = requests.filter(({ parts }) => parts[0]?.partition === 1);
    expect(second.map(({ producerId, parts }) => [producerId, ...valuesOf(parts), parts[0]?.firstSequence])).toEqual([['1', 'b', 0], ['1', 'b', 0], ['2', 'c', 0]]);
    expect(doubtful.outcomes.get('b')).toBe('written');
  });

  it.each([
    [POLICY_VIOLATION, 'record_refused'],
    [NOT_AUTHORIZED, 'kafka_not_authorized'],
  ])('tells what the broker refuses: %s', async (code, told) => {
    const { writer } = createWriter(refuse(code));
    const { batch, outcomes } = createBatch(0, ['a']);
    await writer.writeAlone(batch);
    expect(outcomes.get('a')).toBe(told);
  });

  it('gives up a topic that stays away', async () => {
    const { writer } = createWriter(refuse(UNKNOWN_TOPIC));
    const { batch, outcomes } = createBatch(0, ['a'], 'gone');
    await writer.writeAlone(batch);
    expect(outcomes.get('a')).toBe('unknown_topic');
  });

  describe('on the strength of a tenure', () => {
    const doubtful = () => {
      const tenure: { state: TenureState } = { state: 'certain' };
      const { batch, outcomes } = createBatch(0, ['a']);
      return { tenure, batch: { ...batch, tenure }, outcomes };
    };

    it('sends nothing that became doubtful while it connected, and goes on when it is certain again', async () => {
      const { tenure, batch, outcomes } = doubtful();
      const { writer, requests } = createWriterTo({ beforeSending: () => (tenure.state = 'doubtful') }, acknowledge);
      expect(await writer.writeTogether(LEADER, [batch])).toEqual([batch]);
      const writing = writer.writeAlone(batch);
      expect(requests).toEqual([]);
      vi.useFakeTimers({ toFake: ['setTimeout'] });
      onTestFinished(() => void vi.useRealTimers());
      await vi.advanceTimersByTimeAsync(1_000);
      expect([requests.length, outcomes.size]).toEqual([0, 0]);
      tenure.state = 'over';
      await vi.advanceTimersByTimeAsync(1_000);
      await writing;
      expect([requests.length, outcomes.get('a')]).toEqual([0, 'tenure_over']);
    });

    it('repeats what was in doubt only while it lasts, and gives no number away twice', async () => {
      const { tenure, batch, outcomes } = doubtful();
      const { writer, requests } = createWriter(() => {
        tenure.state = 'over';
        return loseAnswer({} as ProduceRequest);
      }, acknowledge);
      await writer.writeAlone(batch);
      await writer.writeAlone(createBatch(0, ['b']).batch);
      expect(outcomes.get('a')).toBe('tenure_over');
      // Under its old id the broker would take b for a.
      expect(requests.map(({ producerId, parts }) => [producerId, ...valuesOf(parts)])).toEqual([['1', 'a'], ['2', 'b']]);
    });
  });

  it('ends its retries when it is closed', async () => {
    const { writer } = createWriter(loseAnswer);
    const { batch, outcomes } = createBatch(0, ['a']);
    const writing = writer.writeAlone(batch);
    await writer.close();
    await writing;
    expect(outcomes.get('a')).toBe('producer_closed');
  });
});
