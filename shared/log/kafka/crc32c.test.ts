import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { crc32C } from './crc32c.ts';

const kafkajs = createRequire(import.meta.url)('kafkajs/src/protocol/recordBatch/crc32C') as (bytes: Uint8Array) => number;

it('sums up as the standard says', () => {
  // The check value of CRC-32C in the catalogue of parametrised algorithms, and those of RFC 3720, B.4.
  expect(crc32C(Buffer.from('123456789')).toString(16)).toBe('e3069283');
  expect(crc32C(new Uint8Array(32)).toString(16)).toBe('8a9136aa');
  expect(crc32C(new Uint8Array(32).fill(0xff)).toString(16)).toBe('62a8ab43');
});

it('sums up as kafkajs does, whatever the bytes and their number', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    expect(crc32C(bytes)).toBe(kafkajs(bytes));
  }));
});
