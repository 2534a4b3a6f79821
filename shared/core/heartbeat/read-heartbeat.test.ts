import { expect, test } from 'vitest';
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
