import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader } from './byte-reader.ts';
import { decodeFetch } from './fetch-response.ts';
import { splitBatches } from './record-batches.ts';
import { toLogRecord } from './records.ts';
import { decodeTopicId } from './topic-id.ts';

const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array));
const orNull = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> => fc.option(arbitrary, { nil: null });
const headerValue = fc.oneof(bytes, fc.string(), fc.array(fc.oneof(bytes, fc.string()), { maxLength: 3 }), fc.constant(undefined), fc.constant(null));
const headerName = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString', 'traceparent'));

describe('a record as kafkajs decodes it', () => {
  it('becomes a log record, whatever bytes its key, value and headers hold', () => {
    const message = fc.record({ key: orNull(bytes), value: orNull(bytes), headers: fc.option(fc.array(fc.tuple(headerName, headerValue)), { nil: undefined }) });
    fc.assert(
      fc.property(message, ({ key, value, headers }) => {
        const named = headers && (Object.assign(Object.create(null), Object.fromEntries(headers)) as Record<string, Buffer>);
        const record = toLogRecord({ topic: 't', partition: 3 }, { offset: '9007199254740991', key, value, headers: named as never, timestamp: '-1', attributes: 0 });
        expect(record).toMatchObject({ topic: 't', partition: 3, offset: Number.MAX_SAFE_INTEGER, timestamp: -1 });
        expect(record.key).toBe(key === null ? null : key.toString());
        expect(record.value === null ? null : Buffer.compare(record.value, value ?? Buffer.alloc(0))).toBe(value === null ? null : 0);
        for (const header of Object.values(record.headers)) expect(typeof header).toBe('string');
        expect(Object.getPrototypeOf(record.headers)).toBe(Object.prototype);
      }),
    );
  });

  it('keeps the last of a header that is there twice, and leaves out what has no value', () => {
    const headers = { twice: [Buffer.from('a'), Buffer.from('b')], none: null, empty: Buffer.alloc(0), nothing: [] as Buffer[] };
    const record = toLogRecord({ topic: 't', partition: 0 }, { offset: '0', key: null, value: null, headers: headers as never, timestamp: '0', attributes: 0 });
    expect(record.headers).toEqual({ twice: 'b', empty: '' });
  });

  it('holds a copy of its value, not the whole of what was fetched', () => {
    const fetched = Buffer.alloc(1_000_000, 1);
    const record = toLogRecord({ topic: 't', partition: 0 }, { offset: '0', key: null, value: fetched.subarray(10, 20), timestamp: '0', attributes: 0, headers: {} });
    fetched.fill(0);
    expect(record.value).toEqual(Buffer.alloc(10, 1));
  });
});

describe('the answer of a broker', () => {
  it('that is cut off or damaged is an error or less, and is always done with', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (array) => {
        const payload = Buffer.from(array);
        await decodeFetch(payload).catch((error: unknown) => expect(error).toBeInstanceOf(Error));
        for (const decode of [decodeTopicId, splitBatches]) {
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
