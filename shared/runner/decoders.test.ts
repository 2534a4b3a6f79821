import { HEADER, RETRY_HEADER } from '@tandem/schemas';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readInteraction, readRequest, standingOf } from '../core/index.ts';
import { RecordError } from '../errors/index.ts';
import type { LogRecord } from '../log/index.ts';
import { readJson, readRecord } from './index.ts';
import { restoreRecord } from './retry-record.ts';

const RUNS = 1_000;
const limits = { maxBytes: 100_000, maxDepth: 32 };

const requestLike = { requestId: 'r', workload: 'w', userId: 'u', key: 'k', input: { a: [1] }, hints: { deadlineMs: 5 }, time: 1 };
const shapes: unknown[] = [
  requestLike, { ...requestLike, cancel: true }, { cancel: true, requestId: 'r', workload: 'w' },
  { userId: 'u', itemId: '1', time: 1 }, { erase: true, userId: 'u', time: 1 }, { requestId: 'r', task: requestLike, previous: {} },
];
const names = ['requestId', 'workload', 'userId', 'key', 'input', 'hints', 'time', 'cancel', 'erase', 'itemId', 'task', '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '', '\ud800'];
/** JSON texts that JSON.stringify would never write. */
const numbers = ['1e999', '-1e999', '-0', '9007199254740993', '1'.repeat(400), '1e-400', '0.1e+17', '123456789012345678901234567890'];
const strings = ['"\\ud800"', '"\\udfff\\ud800"', '"\\u0000"', '"\\u202e"', '"__proto__"', `"${'x'.repeat(5_000)}"`, '""'];
const odd = fc.oneof(
  fc.constantFrom(...numbers, ...strings, 'null', 'true', 'false', '[]', '{}'),
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.integer({ min: 1, max: 50_000 }).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
  fc.integer({ min: 1, max: 20_000 }).map((depth) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth)),
);
const member = fc.tuple(fc.constantFrom(...names), odd).map(([name, value]) => `${JSON.stringify(name)}:${value}`);
/** An object that is nearly right: members put before and after, so that names come twice. */
const objects = fc.tuple(fc.constantFrom(...shapes), fc.array(member, { maxLength: 3 }), fc.array(member, { maxLength: 3 })).map(([shape, before, after]) => {
  const own = JSON.stringify(shape).slice(1, -1);
  return Buffer.from(`{${[...before, own, ...after].join(',')}}`);
});
const damaged = fc.tuple(objects, fc.nat(), fc.nat(), fc.nat(255)).map(([whole, cut, at, byte]) => {
  const copy = Buffer.from(whole.subarray(0, 1 + (cut % whole.length)));
  copy[at % copy.length] = byte;
  return copy;
});
const values = fc.oneof(
  { weight: 5, arbitrary: objects },
  { weight: 2, arbitrary: damaged },
  { weight: 1, arbitrary: odd.map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.constantFrom(null, Buffer.alloc(0), Buffer.from('\ufeff{}'), Buffer.from([0xc0, 0x80]), Buffer.from([0xed, 0xa0, 0x80])) },
);
const headerText = fc.oneof(
  fc.constantFrom('1', '0', '-1', '1.5', '1e3', '999999999999999', '9999999999999999', 'NaN', '', ' 1', '0x10', '٣', '1\n', 'a/0/1', 'a/b', '/0/0', '\ud800/0/0'),
  fc.string({ unit: 'binary' }),
);
const headerNames = [...Object.values(RETRY_HEADER), HEADER.schemaVersion, HEADER.replayOf, HEADER.traceparent, 'constructor'];
const headers = fc.dictionary(fc.constantFrom(...headerNames), headerText, { noNullPrototype: true });
const records: fc.Arbitrary<LogRecord> = fc.record({
  topic: fc.constantFrom('t.requests', 't.interactions', 't.tasks', 't.retry.worker'),
  partition: fc.nat(3), offset: fc.nat(), timestamp: fc.nat(), key: fc.option(fc.string({ unit: 'binary' }), { nil: null }), value: values, headers,
});

/** What it gives, or undefined where it refuses as it should. */
function refusesOrGives<Read>(read: () => Read): Read | undefined {
  try {
    return read();
  } catch (error) {
    expect(error).toBeInstanceOf(RecordError);
    expect((error as RecordError).message.length).toBeLessThan(1_000);
    return undefined;
  }
}

function forRecords(check: (record: LogRecord) => void): void {
  fc.assert(fc.property(records, check), { numRuns: RUNS });
}

describe('whatever a record holds', () => {
  test('an internal one is read or refused', () => {
    let read = 0;
    forRecords((record) => {
      refusesOrGives(() => readJson(record));
      const value = refusesOrGives(() => readRecord(record));
      if (value === undefined) return;
      read += 1;
      expect(typeof value.requestId).toBe('string');
    });
    expect(read).toBeGreaterThan(0);
  });

  test('a request, a cancel, or what is wrong with it comes out', () => {
    const seen = { request: 0, cancel: 0, error: 0 };
    forRecords((record) => {
      const reading = readRequest(record, limits);
      const kinds = (['request', 'cancel', 'error'] as const).filter((kind) => reading[kind] !== undefined);
      expect(kinds).toHaveLength(1);
      seen[kinds[0]!] += 1;
      expect(reading.error === undefined || reading.error instanceof RecordError).toBe(true);
      expect(reading.error !== undefined || reading.identity !== undefined).toBe(true);
    });
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(0);
  });

  test('an interaction or an erasure is read or refused', () => {
    const seen = { erase: 0, itemId: 0 };
    forRecords((record) => {
      const read = refusesOrGives(() => readInteraction(record, limits));
      if (read !== undefined) seen['erase' in read ? 'erase' : 'itemId'] += 1;
    });
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(0);
  });

  test('what waits on a retry topic is restored or refused', () => {
    const known = fc.constantFrom('1', '77', '1800000000000');
    const retried = fc.record(Object.fromEntries(Object.values(RETRY_HEADER).map((name) => [name, fc.oneof({ weight: 30, arbitrary: known }, { weight: 1, arbitrary: headerText })])));
    let restored = 0;
    fc.assert(fc.property(records, retried, (record, more) => {
      const back = refusesOrGives(() => restoreRecord({ ...record, headers: { ...record.headers, ...more } }));
      if (back === undefined) return;
      restored += 1;
      for (const number of [back.record.partition, back.record.offset, back.record.timestamp, back.attempts, back.deliveries, back.notBefore]) {
        expect(Number.isSafeInteger(number) && number >= 0).toBe(true);
      }
    }), { numRuns: RUNS });
    expect(restored).toBeGreaterThan(RUNS / 10);
  });

  test('it stands somewhere', () => {
    forRecords((record) => {
      expect(standingOf(record)).toMatch(/^[\w.-]+\/\d+\/\d+$/);
    });
  });

  test('prototypes stay as they are', () => {
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
