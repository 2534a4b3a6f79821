import { expect, test } from 'vitest';
import { jsonOf } from './json-of.ts';

test('JSON is read, anything else is nothing', () => {
  expect(jsonOf(Buffer.from('{"a":1}'))).toEqual({ a: 1 });
  expect(jsonOf(Buffer.from('null'))).toBeNull();
  expect([null, Buffer.alloc(0), Buffer.from('{"a":'), Buffer.from([0xff])].map((value) => jsonOf(value))).toEqual([undefined, undefined, undefined, undefined]);
});
