import { describe, expect, it } from 'vitest';
import { murmur2, Partitioner } from './partitioner.ts';

describe('murmur2', () => {
  // From org.apache.kafka.common.utils.UtilsTest.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('hashes %s as Java does', (key, hash) => {
    expect(murmur2(key)).toBe(hash);
  });
});

describe('a partitioner', () => {
  it('spreads records without a key evenly', () => {
    const partitioner = new Partitioner();
    const chosen = Array.from({ length: 8 }, () => partitioner.choose({ topic: 't', key: null }, 4));
    expect(chosen.toSorted()).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
  });

  it('takes the partition that is given', () => {
    expect(new Partitioner().choose({ topic: 't', key: 'a', partition: 3 }, 4)).toBe(3);
  });

  it('keeps to the number that was agreed on, where the topic has more', () => {
    const agreed = new Map<string, number>();
    const partitioner = new Partitioner(agreed);
    const chosen = (topic: string, partitions: number) => Array.from({ length: 50 }, (_, index) => partitioner.choose({ topic, key: `key-${index}` }, partitions));
    const before = chosen('t', 2);
    agreed.set('t', 2);
    expect(chosen('t', 5)).toEqual(before);
    expect(new Set(chosen('other', 5)).size).toBe(5);
    expect(Array.from({ length: 4 }, () => partitioner.choose({ topic: 't', key: null }, 5)).toSorted()).toEqual([0, 0, 1, 1]);
    // One that was made anew, with fewer.
    expect(new Set(chosen('t', 1))).toEqual(new Set([0]));
  });
});
