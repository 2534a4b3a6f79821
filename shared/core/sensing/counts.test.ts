import { expect, test } from 'vitest';
import { readInteraction } from './read-interaction.ts';
import { readRequest } from './read-request.ts';

const limits = { maxBytes: 1_048_576, maxDepth: 32, maxFields: 20, maxHeaders: 3, maxHeaderCharacters: 50 };
const request = (input: unknown) => Buffer.from(JSON.stringify({ requestId: 'r', workload: 'w', input }));
const codeOf = (input: unknown, headers: Record<string, string> = {}) => readRequest({ value: request(input), headers }, limits).error?.code;

test('fields and items are counted wherever they are', () => {
  // Three fields of the request itself, one of its input.
  expect(codeOf({ list: Array.from({ length: 16 }, () => 0) })).toBeUndefined();
  expect(codeOf({ list: Array.from({ length: 17 }, () => 0) })).toBe('too_many_fields');
  expect(codeOf({ a: { b: Array.from({ length: 4 }, () => ({ c: 1, d: [1, 2] })) } })).toBe('too_many_fields');
});

test('headers are counted and measured', () => {
  expect(codeOf({}, { a: '1', b: '2', c: '3' })).toBeUndefined();
  expect(codeOf({}, { a: '1', b: '2', c: '3', d: '4' })).toBe('too_many_fields');
  expect(codeOf({}, { tracestate: 'x'.repeat(41) })).toBe('too_large');
});

test('the sender of a request with too much in it is known and gets an answer', () => {
  expect(readRequest({ value: request({ list: Array.from({ length: 99 }, () => 0) }), headers: {} }, limits).identity?.requestId).toBe('r');
});

test('the largest input that a workload takes is within the default', () => {
  const value = request({ values: Array.from({ length: 65_536 }, () => 1) });
  expect(readRequest({ value, headers: {} }, { maxBytes: 1_048_576, maxDepth: 32 }).error).toBeUndefined();
});

test('interactions have the same limits', () => {
  const value = Buffer.from(JSON.stringify({ userId: 'u', itemId: '1', time: 1, more: Array.from({ length: 30 }, () => 0) }));
  expect(() => readInteraction({ value, headers: {} }, limits)).toThrow(expect.objectContaining({ code: 'too_many_fields' }));
});
