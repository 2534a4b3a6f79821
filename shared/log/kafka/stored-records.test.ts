import { createRequire } from 'node:module';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { UNREADABLE_BATCH_HEADER } from '@tandem/schemas';
import fc from 'fast-check';
import { compress as compressByLz4 } from 'lz4js';
import { compress as compressBySnappy } from 'snappyjs';
import { describe, expect, it } from 'vitest';
import type { LogRecord } from '../types.ts';
import { ByteReader } from './byte-reader.ts';
import { decodeFetch } from './fetch-response.ts';
import { HEADER_BYTES, splitBatches } from './record-batches.ts';
import { recordsOf } from './stored-records.ts';
import { decodeTopicId } from './topic-id.ts';

const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array));
const orNull = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> => fc.option(arbitrary, { nil: null });
const headerName = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString', 'traceparent'));

const load = createRequire(import.meta.url);
type Encoded = { buffer: Buffer };
const { RecordBatch: encodeBatch } = load('kafkajs/src/protocol/recordBatch/v0') as { RecordBatch: (batch: object) => Promise<Encoded> };
const encodeRecord = load('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => Encoded;
const FIRST = 9_007_199_254_740_000;

/** As kafkajs writes it. */
async function encode(messages: readonly { key: Buffer | null; value: Buffer | null; headers: Record<string, Buffer | Buffer[]> }[], compression = 0): Promise<Buffer> {
  const records = messages.map((message, offsetDelta) => encodeRecord({ ...message, offsetDelta, timestampDelta: 5 * offsetDelta }));
  const batch = await encodeBatch({ compression, firstOffset: FIRST, firstTimestamp: 1_700_000_000_000, maxTimestamp: 1_700_000_000_500, lastOffsetDelta: Math.max(0, records.length - 1), records });
  return batch.buffer;
}

async function decode(messages: Parameters<typeof encode>[0], compression = 0): Promise<LogRecord[]> {
  const [batch] = splitBatches(await encode(messages, compression));
  return batch === undefined ? [] : recordsOf(batch, { topic: 't', partition: 3 });
}

/** What kafkajs does not write, put in place of the records. */
function recompressed(batch: Buffer, codec: number, compress: (bytes: Buffer) => Uint8Array): Buffer {
  const body = compress(batch.subarray(HEADER_BYTES));
  const all = Buffer.concat([batch.subarray(0, HEADER_BYTES), body]);
  all.writeInt32BE(all.length - 12, 8);
  all.writeInt16BE(all.readInt16BE(21) | codec, 21);
  return all;
}

describe('a batch of records', () => {
  it('becomes log records, whatever bytes their keys, values and headers hold', async () => {
    const message = fc.record({ key: orNull(bytes), value: orNull(bytes), headers: fc.dictionary(headerName, bytes, { maxKeys: 4 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 20 }), async (messages) => {
        const records = await decode(messages);
        expect(records).toHaveLength(messages.length);
        for (const [index, { key, value, headers }] of messages.entries()) {
          expect(records[index]).toMatchObject({ topic: 't', partition: 3, offset: FIRST + index, timestamp: 1_700_000_000_000 + 5 * index });
          expect(records[index]!.key).toBe(key === null ? null : key.toString());
          expect(records[index]!.value).toEqual(value);
          expect(Object.entries(records[index]!.headers)).toEqual(Object.entries(headers).map(([name, bytes]) => [name, bytes.toString()]));
          expect(Object.getPrototypeOf(records[index]!.headers)).toBe(Object.prototype);
        }
      }),
    );
  });

  it('keeps the last of a header that is there twice', async () => {
    const [record] = await decode([{ key: null, value: null, headers: { twice: [Buffer.from('a'), Buffer.from('b')], empty: Buffer.alloc(0) } }]);
    expect(record?.headers).toEqual({ twice: 'b', empty: '' });
  });

  it('has records that hold copies of their values, not the whole of what was fetched', async () => {
    const fetched = await encode([{ key: null, value: Buffer.alloc(10, 1), headers: {} }]);
    const [record] = recordsOf(splitBatches(fetched)[0]!, { topic: 't', partition: 0 });
    fetched.fill(0);
    expect(record?.value).toEqual(Buffer.alloc(10, 1));
  });

  const messages = Array.from({ length: 50 }, (_, index) => ({ key: Buffer.from('k'), value: Buffer.from(`value ${index} `.repeat(20)), headers: {} }));
  it.each([
    ['gzip', 1, (bytes: Buffer) => gzipSync(bytes)],
    ['snappy', 2, (bytes: Buffer) => compressBySnappy(bytes)],
    ['snappy in pieces', 2, (bytes: Buffer) => inPieces(bytes, 4_000)],
    ['lz4', 3, (bytes: Buffer) => compressByLz4(bytes)],
    ['zstd', 4, (bytes: Buffer) => zstdCompressSync(bytes)],
  ])('is read when it is compressed by %s', async (_name, codec, compress) => {
    const [batch] = splitBatches(recompressed(await encode(messages), codec, compress));
    expect(recordsOf(batch!, { topic: 't', partition: 0 }).map(({ value }) => String(value))).toEqual(messages.map(({ value }) => String(value)));
  });
});

describe('a batch that cannot be read', () => {
  const good = { key: Buffer.from('k'), value: Buffer.from('good'), headers: {} };
  it.each([
    ['is compressed in an unknown way', 7, (bytes: Buffer) => bytes],
    ['is damaged gzip', 1, () => Buffer.from('nonsense')],
    ['is lz4 that says it is endless', 3, () => Buffer.from('04224d184840ffffff7f0000000000', 'hex')],
    ['is cut off', 0, (bytes: Buffer) => bytes.subarray(0, bytes.length - 3)],
  ])('because it %s, is one record with its bytes, and what comes after it is read', async (_name, codec, damage) => {
    const bad = recompressed(await encode([good, good]), codec, damage);
    const { partitions: [fetched] } = decodeFetch(answerOf(Buffer.concat([bad, await encode([good])])));
    expect(fetched?.records.map(({ value, offset }) => [value, offset])).toEqual([[bad, FIRST + 1], [Buffer.from('good'), FIRST]]);
    expect(fetched?.records[0]?.headers[UNREADABLE_BATCH_HEADER]).toEqual(expect.any(String));
  });
});

it('of a format that is not known is an error of its partition, not of the whole answer', async () => {
  const old = await encode([{ key: null, value: null, headers: {} }]);
  old.writeInt8(1, 16);
  expect(decodeFetch(answerOf(old)).partitions).toMatchObject([{ topic: 't', partition: 0, errorCode: 2, records: [], next: undefined }]);
});

/** Of partition 0 of topic `t`. */
function answerOf(batches: Buffer): Buffer {
  const head = Buffer.alloc(54);
  head.writeInt32BE(1, 10);
  head.writeInt16BE(1, 14);
  head.write('t', 16);
  head.writeInt32BE(1, 17);
  const length = Buffer.alloc(4);
  length.writeInt32BE(batches.length);
  // throttle 4, error 2, session 4, topics 4, name 2 + 1, partitions 4; number 4, error 2, offsets 24, aborted 4, replica 4
  return Buffer.concat([head.subarray(0, 21), Buffer.alloc(4 + 2 + 24 + 4 + 4), length, batches]);
}

/** As snappy-java does. */
function inPieces(bytes: Buffer, size: number): Buffer {
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => Buffer.from(compressBySnappy(bytes.subarray(index * size, (index + 1) * size))));
  const length = (piece: Buffer): Buffer => {
    const prefix = Buffer.alloc(4);
    prefix.writeInt32BE(piece.length);
    return prefix;
  };
  return Buffer.concat([Buffer.from('82534e415050590000000001' + '00000001', 'hex'), ...pieces.flatMap((piece) => [length(piece), piece])]);
}

describe('the answer of a broker', () => {
  it('that is cut off or damaged is an error or less, and is always done with', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (array) => {
        const payload = Buffer.from(array);
        for (const decode of [decodeFetch, decodeTopicId, splitBatches]) {
          try {
            decode(payload);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('about a topic gives its id or, cut off anywhere, an error: never another id', () => {
    const id = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
    // Throttle time, one broker (number, host, port, no rack), no cluster's name, controller, one topic (no error, its name, its id).
    const broker = Buffer.concat([Buffer.from([2, 0, 0, 0, 1, 2]), Buffer.from('h'), Buffer.from([0, 0, 35, 132, 0, 0])]);
    const head = Buffer.concat([Buffer.from([0, 0, 0, 0, 0]), broker, Buffer.from([0, 0, 0, 0, 1, 2, 0, 0, 2]), Buffer.from('t')]);
    const answer = Buffer.concat([head, id]);
    expect(decodeTopicId(answer)).toBe(id.toString('hex'));
    fc.assert(fc.property(fc.nat(answer.length - 1), (length) => {
      expect(() => decodeTopicId(answer.subarray(0, length))).toThrow(RangeError);
    }));
  });

  it('has numbers and texts of any length', () => {
    fc.assert(
      fc.property(fc.nat(), fc.string(), (number, text) => {
        const varint: number[] = [];
        let rest = number;
        for (; rest > 0x7f; rest = Math.floor(rest / 128)) varint.push((rest % 128) | 0x80);
        const reader = new ByteReader(Buffer.concat([Buffer.from([...varint, rest]), Buffer.from([0x7f & (Buffer.byteLength(text) + 1)]), Buffer.from(text)]));
        expect(reader.uvarint()).toBe(number);
        if (Buffer.byteLength(text) < 100) expect(reader.compactString()).toBe(text);
      }),
    );
  });
});
