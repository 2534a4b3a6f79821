import fc from 'fast-check';
import { Partitioners } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { partitionOfKey } from '../partitioner.ts';

describe('the partition of a key', () => {
  it('is the one that kafkajs chooses, for any key', () => {
    const kafkajs = Partitioners.DefaultPartitioner();
    const check = (key: string, partitions: number): void => {
      const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({ partitionId, leader: 0, replicas: [], isr: [], partitionErrorCode: 0 }));
      const expected = kafkajs({ topic: 't', partitionMetadata, message: { key: Buffer.from(key), value: null } });
      expect(partitionOfKey(key, partitions)).toBe(expected);
    };
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.integer({ min: 1, max: 64 }), check));
  });
});
