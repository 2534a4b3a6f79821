import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignCoPartitioned } from '../assignment.ts';
import { decodeOwned, encodeOwned } from './assigner.ts';

describe('what a member owns, on the wire', () => {
  it('comes back as it was', () => {
    for (const owned of [[], [0], [7, 3, 100_000]]) expect(decodeOwned(encodeOwned(owned))).toEqual(owned);
  });

  it('claims nothing when it cannot be read', () => {
    const newer = encodeOwned([1, 2]);
    newer.writeUInt8(99, 0);
    for (const unreadable of [Buffer.alloc(0), newer, encodeOwned([1]).subarray(0, 3)]) expect(decodeOwned(unreadable)).toEqual([]);
  });

  it('is read from whatever bytes a member sends, and each partition has one owner all the same', () => {
    const sent = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { maxLength: 8 }).map(encodeOwned));
    fc.assert(fc.property(fc.array(sent, { minLength: 1, maxLength: 4 }), (members) => {
      const group = members.map((bytes, index) => ({ id: `m${index}`, topics: ['t'], owned: decodeOwned(Buffer.from(bytes)) }));
      const assigned = [...assignCoPartitioned(group, new Map([['t', 6]])).values()].flatMap((topics) => topics.get('t') ?? []);
      expect(assigned.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5]);
    }));
  });
});
