import fc from 'fast-check';
import { compress } from 'lz4js';
import { describe, expect, it } from 'vitest';
import { unlz4 } from './lz4-frame.ts';

const LARGEST = 1_000_000;
const text = Buffer.from('{"requestId":"a"}'.repeat(20));
/** Of the text, by aiokafka 0.14: each block has a checksum. */
const BY_AIOKAFKA = '04224d187040ad1d000000ff027b22726571756573744964223a2261227d1100ff2c503a2261227d805d78ad00000000';

/** The blocks of a frame of lz4js, under a descriptor with other flags. */
function reframed(flags: number, { size, checksum = Buffer.alloc(0) }: { size?: number; checksum?: Buffer }): Buffer {
  const frame = Buffer.from(compress(text));
  const blockEnd = 11 + (frame.readUInt32LE(7) & 0x7fffffff);
  const sizeField = Buffer.alloc(size === undefined ? 0 : 8);
  if (size !== undefined) sizeField.writeBigUInt64LE(BigInt(size));
  return Buffer.concat([frame.subarray(0, 4), Buffer.of(0x40 | flags, 0x70), sizeField, Buffer.of(0), frame.subarray(7, blockEnd), checksum, Buffer.alloc(4)]);
}

describe('an LZ4 frame', () => {
  it.each([
    ['of lz4js', Buffer.from(compress(text))],
    ['of aiokafka', Buffer.from(BY_AIOKAFKA, 'hex')],
    ['with checksums behind its blocks', reframed(0x10, { checksum: Buffer.from('abcd') })],
    ['that says its size', reframed(0x08, { size: text.length })],
  ])('%s is read', (_, frame) => {
    expect(String(unlz4(frame, LARGEST))).toBe(String(text));
  });

  it('is read where a block goes back to the one before it, or is not compressed', () => {
    const [stored, back] = [Buffer.from('08000080' + Buffer.from('abcdefgh').toString('hex'), 'hex'), Buffer.from('0500000010' + '21' + '0900' + '00', 'hex')];
    expect(String(unlz4(Buffer.concat([Buffer.from('04224d18404000', 'hex'), stored, back, Buffer.alloc(4)]), LARGEST))).toBe('abcdefgh!abcd');
  });

  it.each([
    ['is larger than it says', reframed(0x08, { size: text.length - 1 }), 'damaged'],
    ['is cut off', Buffer.from(compress(text)).subarray(0, -2), 'cut off'],
    ['has a dictionary', reframed(0x01, {}), 'dictionary'],
    ['is something else', Buffer.from('something else'), 'no LZ4 frame'],
  ])('that %s is refused', (_, frame, words) => {
    expect(() => unlz4(frame, LARGEST)).toThrow(words);
  });

  it('that would come to more than is allowed is refused before there is room made for it', () => {
    expect(() => unlz4(Buffer.from(compress(text)), text.length - 1)).toThrow(/of \d+ bytes/);
  });

  it('that is cut off or damaged is text of some kind or an error, and is always done with', () => {
    const frame = Buffer.from(BY_AIOKAFKA, 'hex');
    fc.assert(fc.property(fc.nat(frame.length - 1), fc.nat(frame.length - 1), fc.nat(255), (length, at, byte) => {
      const damaged = Buffer.from(frame.subarray(0, length));
      if (at < length) damaged[at] = byte;
      try {
        expect(unlz4(damaged, LARGEST).length).toBeLessThanOrEqual(LARGEST);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }));
  });
});
