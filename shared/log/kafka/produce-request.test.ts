import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OutgoingRecord } from '../types.ts';
import { decodeProduce, encodeProduce, type ProduceRequest } from './produce-request.ts';
import { HEADER_BYTES, splitBatches } from './record-batches.ts';
import { recordsOf } from './stored-records.ts';

const load = createRequire(import.meta.url);
const { requests } = load('kafkajs/src/protocol/requests') as {
  requests: { Produce: { protocol: (which: { version: number }) => (parameters: object) => { request: { encode(): Promise<{ buffer: Buffer }> } } } };
};
const NOW = 1_700_000_000_123;

const texts = fc.string({ unit: 'grapheme', maxLength: 300 });
const records: fc.Arbitrary<Omit<OutgoingRecord, 'topic'>> = fc.record({
  key: fc.option(texts), value: fc.oneof(fc.constant(null), texts, fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes))),
  headers: fc.dictionary(fc.string({ minLength: 1, maxLength: 20 }).filter((name) => name !== '__proto__'), texts, { maxKeys: 4, noNullPrototype: true }),
});
const parts = fc.uniqueArray(
  fc.record({ topic: fc.constantFrom('requests', 'responses', 'work.späť'), partition: fc.nat(20), firstSequence: fc.nat(2 ** 31 - 1), all: fc.array(records, { minLength: 1, maxLength: 20 }) }),
  { minLength: 1, maxLength: 6, selector: ({ topic, partition }) => `${topic}/${partition}` },
);
const produceRequests = fc.record({ transactionalId: fc.option(fc.string({ minLength: 1, maxLength: 30 })), producerId: fc.bigInt(0n, 2n ** 62n), producerEpoch: fc.nat(30_000), parts }).map(
  ({ producerId, parts: all, ...request }): ProduceRequest => ({
    ...request, producerId: String(producerId), timeoutMs: 30_000,
    parts: all.map(({ all: some, topic, ...part }) => ({ topic, ...part, records: some.map((one) => ({ topic, ...one })) })),
  }),
);

/** The same request as kafkajs makes it. */
async function asKafkajs({ transactionalId, timeoutMs, producerId, producerEpoch, parts: all }: ProduceRequest): Promise<Buffer> {
  const topicData = [...Map.groupBy(all, ({ topic }) => topic)].map(([topic, some]) => ({
    topic,
    partitions: some.map(({ partition, firstSequence, records: written }) => ({
      partition, firstSequence, messages: written.map(({ key, value, headers }) => ({ key, value, headers, timestamp: String(NOW) })),
    })),
  }));
  const { request } = requests.Produce.protocol({ version: 7 })({ acks: -1, timeout: timeoutMs, transactionalId, producerId, producerEpoch, topicData });
  return (await request.encode()).buffer;
}

describe('a produce request', () => {
  it('has the bytes of kafkajs', () =>
    fc.assert(fc.asyncProperty(produceRequests, async (request) => {
      expect(encodeProduce(request, NOW).toString('hex')).toBe((await asKafkajs(request)).toString('hex'));
    }), { numRuns: 300 }));

  it('keeps the times of its records, in whatever order they come', () =>
    fc.assert(fc.property(fc.array(fc.option(fc.integer({ min: 0, max: 2 ** 42 })), { minLength: 1, maxLength: 10 }), (times) => {
      const written = times.map((timestamp): OutgoingRecord => ({ topic: 't', key: null, value: 'x', ...(timestamp === null ? {} : { timestamp }) }));
      const body = encodeProduce({ transactionalId: null, timeoutMs: 1, producerId: '1', producerEpoch: 0, parts: [{ topic: 't', partition: 0, firstSequence: 0, records: written }] }, NOW);
      const [batch] = splitBatches(body.subarray(body.length - sizeOfBatch(body)));
      expect(recordsOf(batch!, { topic: 't', partition: 0 }).map(({ timestamp }) => timestamp)).toEqual(times.map((timestamp) => timestamp ?? NOW));
    })));
});

/** Of a request with one topic `t`, one partition: what stands before the batch has a fixed size. */
function sizeOfBatch(body: Buffer): number {
  const before = 2 + 2 + 4 + 4 + (2 + 1) + 4 + 4 + 4;
  expect(body.length).toBeGreaterThan(before + HEADER_BYTES);
  return body.length - before;
}

describe("a produce request's answer", () => {
  it('that is cut off anywhere is an error, and one that is damaged an error or other numbers', () => {
    const whole = (size: number, version: number): Buffer => {
      const partitions = Array.from({ length: size }, (_, index) => Buffer.concat([numbers([index, 4], [0, 2], [42, 8], [NOW, 8]), version < 5 ? Buffer.alloc(0) : numbers([7, 8])]));
      return Buffer.concat([numbers([1, 4], [5, 2]), Buffer.from('topic'), numbers([size, 4]), ...partitions, numbers([0, 4])]);
    };
    fc.assert(fc.property(fc.nat(3), fc.constantFrom(3, 4, 5, 7), fc.nat(), fc.nat(), fc.nat(255), (size, version, cut, at, byte) => {
      const body = whole(size, version);
      expect(() => decodeProduce(body.subarray(0, cut % body.length), version)).toThrow(RangeError);
      body[at % body.length] = byte;
      try {
        decodeProduce(body, version);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }), { numRuns: 1_000 });
  });

  const numbers = (...all: [number, 2 | 4 | 8][]): Buffer => Buffer.concat(all.map(([value, size]) => {
    const bytes = Buffer.alloc(size);
    if (size === 8) bytes.writeBigInt64BE(BigInt(value));
    else bytes.writeIntBE(value, 0, size);
    return bytes;
  }));

  it.each([[4, false, 0], [5, true, 0], [7, true, 250]] as const)('is read in version %i', (version, hasStartOffset, throttleMs) => {
    const partition = (index: number, code: number) => Buffer.concat([numbers([index, 4], [code, 2], [42, 8], [NOW, 8]), hasStartOffset ? numbers([7, 8]) : Buffer.alloc(0)]);
    const body = Buffer.concat([numbers([1, 4], [1, 2]), Buffer.from('t'), numbers([2, 4]), partition(0, 0), partition(3, 19), numbers([250, 4])]);
    const result = { topic: 't', baseOffset: 42, logAppendTime: NOW };
    expect(decodeProduce(body, version)).toEqual({ results: [{ ...result, partition: 0, errorCode: 0 }, { ...result, partition: 3, errorCode: 19 }], clientSideThrottleTime: throttleMs });
  });
});
