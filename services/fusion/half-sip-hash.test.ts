import fc from 'fast-check';
import { expect, test } from 'vitest';
import { halfSipHash } from './half-sip-hash.ts';

/** Bytes 0 to 7, as the reference's test vectors have them. */
const KEY = [0x03020100, 0x07060504] as const;

const inHex = ({ low, high }: ReturnType<typeof halfSipHash>) => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(low, 0);
  bytes.writeUInt32LE(high, 4);
  return bytes.toString('hex');
};

test.each([[0, '218d1f59b9b83cc8'], [2, '064f39ef7c50eb57'], [4, 'd5e78a175be52ea1'], [6, 'ce3e91358aa2bc25'], [8, 'edfee820bce4858c'], [10, '95b0469f06a6f2ee']])(
  'gives the published hash of the bytes 0, 1, … where there are %i', (length, hash) => {
    const text = Buffer.from(Array.from({ length }, (_, index) => index)).toString('utf16le');
    expect(inHex(halfSipHash(text, KEY))).toBe(hash);
  });

test('another key gives other hashes', () => {
  fc.assert(fc.property(fc.string(), (text) => {
    expect(halfSipHash(text, KEY)).not.toEqual(halfSipHash(text, [0x03020101, 0x07060504]));
  }));
});
