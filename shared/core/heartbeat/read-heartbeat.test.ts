import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readSchedulerReport } from '../scaling/index.ts';
import { readHeartbeat } from './read-heartbeat.ts';

const heartbeat = { kind: 'worker', instance: 'w', time: 1, variants: [{ model: 'm', precision: 'fp32', queued: 3 }], resources: { memoryFreeBytes: 5 } };

const read = (value: unknown) => readHeartbeat(Buffer.from(JSON.stringify(value)));

test('a heartbeat is read whole', () => {
  expect(read({ ...heartbeat, later: 'field' })).toEqual({ ...heartbeat, later: 'field' });
});

test.each([
  ['an erasure notice', { kind: 'erasure', user: 'x' }],
  ['no variants', { ...heartbeat, variants: undefined }],
  ['variants without a name', { ...heartbeat, variants: [{}] }],
  ['no time', { ...heartbeat, time: 'now' }],
  ['no resources', { ...heartbeat, resources: null }],
  ['null', null],
])('a foreign record is none: %s', (_, value) => {
  expect(read(value)).toBeUndefined();
});

test('what is not JSON is none', () => {
  expect(readHeartbeat(Buffer.from('not json'))).toBeUndefined();
});

const report = { kind: 'scheduler', instance: 's', time: 1, dispatched: 2, refused: 0, bulk: 1, waiting: 3 };

/** Records of the topic with some of their fields anything at all, cut anywhere, and bytes that are none. */
const strange = fc.oneof(
  fc.tuple(fc.constantFrom(heartbeat, report), fc.dictionary(fc.constantFrom('kind', 'variants', 'resources', 'time', 'waiting', '__proto__', 'toString'), fc.jsonValue(), { maxKeys: 3 }))
    .map(([whole, over]) => Buffer.from(JSON.stringify({ ...whole, ...over }))),
  fc.tuple(fc.constantFrom(heartbeat, report), fc.nat()).map(([whole, at]) => Buffer.from(JSON.stringify(whole)).subarray(0, at % 200)),
  fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
  fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
  fc.nat(100_000).map((depth) => Buffer.from('['.repeat(depth))),
);

test('whatever lies on the topic is a heartbeat, a report or neither, and what is one has what readers rest on', () => {
  fc.assert(fc.property(strange, (bytes) => {
    const [beat, told] = [readHeartbeat(bytes), readSchedulerReport(bytes)];
    expect(beat === undefined || told === undefined).toBe(true);
    if (beat !== undefined) expect([typeof beat.time, Array.isArray(beat.variants), typeof beat.resources.memoryFreeBytes]).toEqual(['number', true, 'number']);
    if (told !== undefined) expect([told.time, told.dispatched, told.refused, told.bulk, told.waiting].every(Number.isFinite)).toBe(true);
  }), { numRuns: 1_000 });
  expect(readSchedulerReport(Buffer.from(JSON.stringify(report)))).toEqual(report);
});
