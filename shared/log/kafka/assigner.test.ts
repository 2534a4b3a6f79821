import { describe, expect, it } from 'vitest';
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
});
